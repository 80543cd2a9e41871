"""Our bot users on the homeserver: reading encrypted rooms that one of them is in, and sending.

`Bots` runs them; the consumer `bridge.archive.reader.Reader` says what is to be read.
"""

from bridge.matrix.crypto.bots import Bots, check_pickle_key

__all__ = ["Bots", "check_pickle_key"]
