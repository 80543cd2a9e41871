"""The bots that come with Postkamer, in the order of the alphabet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.botapi.bot import Bot

BOTS: tuple[type[Bot], ...] = ()
