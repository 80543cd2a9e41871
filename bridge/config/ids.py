"""Settings that name people and bots; the rules for `parse`, `SHAPE` and `EXAMPLE` are those of `checks`."""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import ClassVar, Self

from bridge.config.checks import ServerName

_LONGEST_ID = 255  # bytes, of a whole Matrix id


class MatrixId(str):
    """The id of a user (Matrix specification, appendix "User identifiers", with the historical ones)."""

    __slots__ = ()
    SHAPE: ClassVar[str] = "a Matrix id such as @anna:example.com"
    EXAMPLE: ClassVar[str] = "@anna:example.com"

    @classmethod
    def parse(cls, text: str) -> Self:
        """An @, a name, a colon, and the name of a server."""
        found = re.fullmatch(r"@[!-9;-~]+:([^*?]+)", text)
        if found is None or len(text) > _LONGEST_ID:
            raise ValueError(f"must be {cls.SHAPE}")
        try:
            ServerName.parse(found[1])
        except ValueError:
            raise ValueError(f"must be {cls.SHAPE}; what stands behind the colon is no server") from None
        return cls(text)


class IdPattern(str):
    """Matrix ids with `*` for any number of characters and `?` for one, as in m.room.server_acl.

    Neither goes across the first colon, which ends the name: `@*:partner.nl` are the people of that server alone.
    """

    __slots__ = ()
    SHAPE: ClassVar[str] = "a Matrix id in which * stands for anything, such as @*:partner.nl"
    EXAMPLE: ClassVar[str] = "@*:partner.nl"

    @classmethod
    def parse(cls, text: str) -> Self:
        """An @, a name and a server, each perhaps with * and ? in it."""
        if re.fullmatch(r"@[!-9;-~]+:[A-Za-z0-9.:*?\[\]_-]+", text) is None or len(text) > _LONGEST_ID:
            raise ValueError(f"must be {cls.SHAPE}")
        return cls(text)

    def matches(self, user_id: str) -> bool:
        """Whether this Matrix id is one of them."""
        name, _, server = self.partition(":")
        pattern = f"{_regex(name, '[^:]')}:{_regex(server, '.')}"
        return re.fullmatch(pattern, user_id, re.DOTALL) is not None


class BotName(str):
    """What a bot is called in the config: `Bot.name`."""

    __slots__ = ()
    SHAPE: ClassVar[str] = "the name of a bot such as archive: letters a to z, digits and _"
    EXAMPLE: ClassVar[str] = "archive"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Lower-case letters, digits and _, at most 50; a name that Python takes for a package."""
        if re.fullmatch("[a-z][a-z0-9_]{0,49}", text) is None or iskeyword(text):
            raise ValueError(f"must be {cls.SHAPE}")
        return cls(text)


def _regex(glob: str, anything: str) -> str:
    return "".join({"*": f"{anything}*", "?": anything}.get(char) or re.escape(char) for char in glob)
