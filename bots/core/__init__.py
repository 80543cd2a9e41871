"""The bot that helps: what there is, in which language, and what can be set."""

from __future__ import annotations

from bots.core.bot import CoreBot

__all__ = ["CoreBot"]
