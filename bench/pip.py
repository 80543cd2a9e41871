"""Packages that only the references need, apart from our own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path


async def target(*packages: str) -> Path:
    """A folder for PYTHONPATH with these packages; it is made at the first run, and kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "postkamer-bench" / "-".join(packages)
    done = folder / "installed"
    if not done.exists():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), *packages
        )
        if await process.wait():
            raise RuntimeError(f"failed: pip install {' '.join(packages)}")
        done.touch()
    return folder
