"""The bots that come with Postkamer, in the order of the alphabet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.archive import ArchiveBot
from bots.core import CoreBot
from bots.search import SearchBot
from bots.webhook import WebhookBot

if TYPE_CHECKING:
    from bridge.botapi import Bot

BOTS: tuple[type[Bot], ...] = (ArchiveBot, CoreBot, SearchBot, WebhookBot)
