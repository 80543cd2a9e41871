"""The bot that shows people what the archive has."""

from __future__ import annotations

from bots.archive.bot import ArchiveBot

__all__ = ["ArchiveBot"]
