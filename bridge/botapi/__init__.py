"""All that a bot may import: `from bridge.botapi import Bot, command, say, …`."""
