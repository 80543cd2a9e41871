"""The bot that finds messages, files and people."""

from __future__ import annotations

from bots.search.bot import SearchBot

__all__ = ["SearchBot"]
