"""From a question to an answer: which command, may they, arguments, handler, reply. The one place where errors become
replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.botapi.ask import Ask
    from bridge.botapi.bot import Bot
    from bridge.botapi.render import Answer


class Runner:
    """The bots that share one Matrix user.

    Raises (constructor): PostkamerError when two bots claim a word, or a bot lacks strings.
    """

    def __init__(self, bots: Sequence[Bot]) -> None:
        self.bots = bots

    async def message(self, ask: Ask, text: str, *, addressed: bool) -> Answer | None:
        """Answer a message.

        Args:
            text: without a reply's quotation, and without the bot's name in front.
            addressed: it is for us also without a `!`: in a direct chat, or the bot was named in front.

        Returns:
            None when it is none of ours (no `!`, not addressed). Never raises: an unexpected error is logged with
            `ask.cause` and answered with a reference.
        """
        raise NotImplementedError

    async def reply(self, ask: Ask, action: Mapping[str, Any], text: str) -> Answer | None:
        """Somebody replied with a text to a message of ours that has this `action`: the number of an answer to a
        question. None when it is none of ours.
        """
        raise NotImplementedError

    async def press(self, ask: Ask, action: Mapping[str, Any], key: str) -> Answer | None:
        """Somebody reacted with `key` to a message of ours that has this `action`; None when that means nothing."""
        raise NotImplementedError

    async def joined(self, ask: Ask) -> Answer | None:
        """Greet a room that the bot has joined."""
        raise NotImplementedError

    async def job(self, ask: Ask, bot: str, action: str, args: Mapping[str, Any]) -> Answer | None:
        """Do what is due.

        Raises:
            Exception: of any kind; the job is tried again later.
        """
        raise NotImplementedError
