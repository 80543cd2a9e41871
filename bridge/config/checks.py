"""The types of the settings: each is made from text by `parse`, which says what to write when it cannot be.

`parse` raises ValueError with a text that completes "homeserver.address: ..." and never quotes a secret. The plain
constructors check nothing. `SHAPE` says what such a value looks like, `EXAMPLE` is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import IPv6Address
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

Check = Callable[[Any], None]

REDACTED = "REDACTED"
PLACEHOLDER = "<FILL IN"

_MAX_PORT = 65535
_MAX_BIGINT = 2**63 - 1
_MAX_DURATION = timedelta(days=36500)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,255}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def is_placeholder(text: str) -> bool:
    """Whether this is what the example files have in the place of a value."""
    return text.lstrip().startswith(PLACEHOLDER)


def plain_text(text: str) -> str:
    """The text itself.

    Raises:
        ValueError: it is empty, or has control characters or lone surrogates.
    """
    if not text.strip():
        raise ValueError("must not be empty")
    if _UNPRINTABLE.search(text):
        raise ValueError("must not hold control characters or line breaks")
    return text


def _is_host(text: str) -> bool:
    """Whether it is a DNS name, an IPv4 address, or an IPv6 address in brackets."""
    if text.startswith("[") and text.endswith("]"):
        try:
            IPv6Address(text[1:-1])
        except ValueError:
            return False
        return True
    return _HOST.fullmatch(text) is not None


def _port(text: str) -> int | None:
    """The port that stands here, from 1 to 65535."""
    if re.fullmatch("[0-9]{1,5}", text) is None:
        return None
    return port if 1 <= (port := int(text)) <= _MAX_PORT else None


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address to listen on; `host` is a name or an address, an IPv6 address without its brackets."""

    SHAPE: ClassVar[str] = "HOST:PORT such as 127.0.0.1:29350 or [::1]:29350"
    EXAMPLE: ClassVar[str] = "127.0.0.1:29350"

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """HOST:PORT, with an IPv6 address in brackets."""
        host, colon, digits = text.strip().rpartition(":")
        if not colon or not _is_host(host):
            raise ValueError(f"must be {cls.SHAPE}")
        port = _port(digits)
        if port is None:
            raise ValueError(f"must end in a port from 1 to {_MAX_PORT}")
        return cls(host.strip("[]"), port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def everywhere(self) -> bool:
        """Whether it means every address of this machine."""
        return self.host in {"0.0.0.0", "::"}  # noqa: S104 (compared, not bound)

    def collides(self, other: HostPort) -> bool:
        """Whether one program cannot listen on both."""
        return self.port == other.port and (self.host == other.host or self.everywhere or other.everywhere)


class WebUrl(str):
    """The base of a web address, without a slash at the end."""

    __slots__ = ()
    SHAPE: ClassVar[str] = "a URL such as https://matrix.example.com"
    EXAMPLE: ClassVar[str] = "https://matrix.example.com"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take http or https, a host, perhaps a port and a path; nothing after that."""
        text = plain_text(text).strip()
        if re.match("https?://", text) is None:
            raise ValueError(f"must begin with http:// or https://, as in {cls.EXAMPLE}")
        if re.search(r"[^\x21-\x7e]|[@?#]", text):
            raise ValueError(f"must have no spaces, accents, user, password, ? or #: only {cls.SHAPE}")
        found = re.fullmatch(r"https?://([^/]*?)(?::([0-9]*))?(/.*)?", text)
        if found is None or not _is_host(found[1]) or (found[2] is not None and _port(found[2]) is None):
            raise ValueError(f"must be {cls.SHAPE}")
        if "/_matrix" in text:
            raise ValueError("must end before /_matrix")
        return cls(text.rstrip("/"))


class ServerName(str):
    """The name of a homeserver (Matrix specification, appendix "Server name")."""

    __slots__ = ()
    SHAPE: ClassVar[str] = "the name of the homeserver such as example.com"
    EXAMPLE: ClassVar[str] = "example.com"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A host, perhaps with a port."""
        text = text.strip()
        if "/" in text or "@" in text:
            raise ValueError(f"must be only {cls.SHAPE}, as it stands after the colon in @anna:example.com")
        if _is_host(text) or (_is_host(text.rpartition(":")[0]) and _port(text.rpartition(":")[2]) is not None):
            return cls(text)
        raise ValueError(f"must be {cls.SHAPE}")


class Localpart(str):
    """What stands between @ and the colon in the Matrix id of one of our users.

    Narrower than the specification (appendix "User identifiers"): Synapse refuses a registration whose
    `sender_localpart` has a character that is escaped in URLs.
    """

    __slots__ = ()
    SHAPE: ClassVar[str] = "a short name such as postkamer: letters a to z, digits and . _ -"
    EXAMPLE: ClassVar[str] = "postkamer"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Lower-case letters, digits and . _ -, at most 100."""
        if re.fullmatch("[a-z0-9._-]{1,100}", text) is None:
            raise ValueError(f"must be {cls.SHAPE}; without @ and without the server")
        return cls(text)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that shows itself only to who asks for it by name."""

    SHAPE: ClassVar[str] = "a secret of your own"
    EXAMPLE: ClassVar[str] = "`postkamer init` makes one"

    _value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Any text but a placeholder."""
        if is_placeholder(text):
            raise ValueError("is still the placeholder: run `postkamer init`")
        return cls(plain_text(text))

    def reveal(self) -> str:
        """The value: never for a log, an error or a page."""
        return self._value

    def __str__(self) -> str:
        return REDACTED

    __repr__ = __str__


class Duration(timedelta):
    """A length of time, from nothing to 100 years."""

    SHAPE: ClassVar[str] = "a length of time such as 30d, 12h or 1d 30m (d, h, m, s)"
    EXAMPLE: ClassVar[str] = "30d"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Whole days, hours, minutes and seconds, in this order: "1d 12h 30m 10s"."""
        found = re.fullmatch(
            r"(?:(\d{1,7})d)?\s*(?:(\d{1,9})h)?\s*(?:(\d{1,9})m)?\s*(?:(\d{1,12})s)?", text.strip(), re.ASCII
        )
        if found is None or found.lastindex is None:
            raise ValueError(f"must be {cls.SHAPE}")
        days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
        whole = cls(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if whole > _MAX_DURATION:
            raise ValueError(f"must not be longer than {_MAX_DURATION.days}d")
        return whole

    def __str__(self) -> str:
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        parts = {"d": self.days, "h": hours, "m": minutes, "s": seconds}
        return " ".join(f"{number}{unit}" for unit, number in parts.items() if number) or "0s"


class TimeZone(str):
    """A time zone of the IANA database."""

    __slots__ = ()
    SHAPE: ClassVar[str] = "a time zone such as Europe/Amsterdam"
    EXAMPLE: ClassVar[str] = "Europe/Amsterdam"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A name that this machine knows."""
        known = available_timezones()
        if text not in known:
            by_city = {name.rpartition("/")[2].lower(): name for name in sorted(known)}
            wanted = text.strip().replace(" ", "_")
            near = get_close_matches(wanted, sorted(known), 1) or [
                by_city[city] for city in get_close_matches(wanted.rpartition("/")[2].lower(), by_city, 1)
            ]
            raise ValueError(f"must be {cls.SHAPE}" + (f"; did you mean {near[0]}?" if near else ""))
        return cls(text)

    @property
    def zone(self) -> ZoneInfo:
        """For reckoning with it."""
        return ZoneInfo(self)


@dataclass(frozen=True, slots=True)
class LaterJoiners:
    """What who joins a room later may read of the time before.

    Attributes:
        policy: `as_client` (what the room's history visibility gives), `window` (that, and what was said in the
            `length` before joining), or `all`.
        length: of that window; nothing with the others.
    """

    SHAPE: ClassVar[str] = "as_client, all, or a length of time such as 30d"
    EXAMPLE: ClassVar[str] = "as_client"

    policy: Literal["as_client", "window", "all"]
    length: Duration = Duration(0)  # noqa: RUF009 (it does not change)

    @classmethod
    def parse(cls, text: str) -> Self:
        """One of the two words, or a `Duration`."""
        match text.strip():
            case "as_client" | "all" as policy:
                return cls(policy)
            case window:
                try:
                    return cls("window", Duration.parse(window))
                except ValueError:
                    raise ValueError(f"must be {cls.SHAPE} (d, h, m, s)") from None

    def __str__(self) -> str:
        return str(self.length) if self.policy == "window" else self.policy


class ByteSize(int):
    """A number of bytes that fits in PostgreSQL's bigint."""

    SHAPE: ClassVar[str] = "a size such as 500K, 100M or 2G (1K is 1024 bytes)"
    EXAMPLE: ClassVar[str] = "100M"
    UNITS: ClassVar[dict[str, int]] = {"T": 1024**4, "G": 1024**3, "M": 1024**2, "K": 1024, "": 1}

    @classmethod
    def parse(cls, text: str) -> Self:
        """A whole number, with K, M, G or T behind it, or nothing for bytes."""
        found = re.fullmatch(r"(\d{1,19})\s*([KMGT]?)", text.strip(), re.ASCII)
        if found is None:
            raise ValueError(f"must be {cls.SHAPE}")
        size = int(found[1]) * cls.UNITS[found[2]]
        if size > _MAX_BIGINT:
            raise ValueError("must be smaller: it is more than any disk holds")
        return cls(size)

    def __str__(self) -> str:
        unit, factor = next(
            (unit, factor) for unit, factor in self.UNITS.items() if not unit or (self and self % factor == 0)
        )
        return f"{int(self) // factor}{unit}"


def between(low: int, high: int) -> Check:
    """A check that a number is in this range, both ends included."""

    def check(value: int) -> None:
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")

    return check


def not_empty(value: tuple[object, ...]) -> None:
    """Check that a list has something in it."""
    if not value:
        raise ValueError("must have at least one entry")


def identifier(value: str) -> None:
    """Check that a text can stand in the path of a URL as it is."""
    if re.fullmatch("[A-Za-z0-9._~-]{1,100}", value) is None:
        raise ValueError("must be letters, digits and . _ ~ -")


def token(value: Secret) -> None:
    """Check that a secret can stand in the header of a request and cannot be guessed (RFC 6750, section 2.1)."""
    if re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,}", value.reveal()) is None:
        raise ValueError("must be 16 or more letters, digits and . _ ~ + / = -")


def postgresql_url(value: Secret) -> None:
    """Check the URL of a database as far as that goes without asking it; the message does not quote it."""
    try:
        parts = urlsplit(value.reveal())
        usable = parts.scheme in {"postgresql", "postgres"} and (parts.port or 1) and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "must be postgresql://USER:PASSWORD@HOST:5432/DATABASE; in a password write %40 for @, %2F for /, %23 for #"
        )
