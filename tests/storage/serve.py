"""A process of its own that runs an embedded server: prints its URL, and stops at the end of its input."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from bridge.storage.embedded import embedded_server


async def main(folder: Path) -> None:
    async with embedded_server(folder, durable=False) as url:
        print(url, flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(Path(sys.argv[1])))
