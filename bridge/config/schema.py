"""Every setting of Postkamer: one frozen dataclass a section, with its default and its meaning.

`config.example.yaml` is generated from this module, and the loader checks a file against it. A field without a
default is required. `Annotated` carries the check; `setting` the text that the example file shows above it.
"""
# ruff: noqa: RUF009 (setting() is dataclasses.field with a comment)

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from bridge.config.checks import (
    ByteSize,
    Duration,
    HostPort,
    LaterJoiners,
    Localpart,
    Secret,
    ServerName,
    TimeZone,
    WebUrl,
    between,
    identifier,
    not_empty,
    postgresql_url,
    token,
)
from bridge.config.ids import BotName, IdPattern, MatrixId


def setting(doc: str, **kwargs: Any) -> Any:
    """A dataclass field with the comment that the example file shows above it."""
    return field(metadata={"doc": doc}, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Homeserver:
    """The homeserver that we serve."""

    address: WebUrl = setting("Where Postkamer reaches the homeserver's client API.")
    server_name: ServerName = setting(
        "The part after the colon in Matrix ids (server_name in Synapse's homeserver.yaml)."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Appservice:
    """How the homeserver reaches us; the same values stand in the registration file."""

    id: Annotated[str, identifier] = setting(
        "The id in the registration file. Do not change it later.", default="postkamer"
    )
    listen: HostPort = setting("HOST:PORT on which we take transactions.", default=HostPort("127.0.0.1", 29350))
    address: WebUrl | None = setting(
        "The URL at which the homeserver reaches `listen`, when that is not http://HOST:PORT.", default=None
    )
    as_token: Annotated[Secret, token] = setting("What we show to the homeserver. `postkamer init` makes it.")
    hs_token: Annotated[Secret, token] = setting("What the homeserver shows to us. `postkamer init` makes it.")
    sender_localpart: Localpart = setting(
        "The user of the application service itself. It does nothing else and is in no room.",
        default=Localpart("_postkamer"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """PostgreSQL 15 or newer."""

    url: Annotated[Secret, postgresql_url] | None = setting(
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE. Left out: a PostgreSQL of our own under `data_dir`.",
        default=None,
    )
    pool_size: Annotated[int, between(4, 100)] = setting("Connections that we keep at the most.", default=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is kept, and for how long."""

    redaction_retention: Duration = setting(
        "How long the content of a removed message stays readable for auditors before it is erased.",
        default=Duration.parse("30d"),
    )
    max_attachment_size: ByteSize = setting(
        "A larger attachment is recorded with its name and size, but not fetched.", default=ByteSize.parse("100M")
    )
    attempts: Annotated[int, between(1, 100)] = setting(
        "How often something that fails is tried before it is set aside (see `postkamer coverage`).", default=5
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """Reading encrypted rooms in which our bot is a member."""

    pickle_key: Secret = setting("Encrypts the room keys in the database. Lost key: unreadable rooms. `init` makes it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BotUser:
    """A Matrix user that one bot or several answer with."""

    localpart: Localpart = setting("What stands between @ and the colon in its Matrix id.")
    displayname: str = setting("Its name.")
    avatar: Path | None = setting("The path of a picture, relative to this file.", default=None)
    bots: tuple[BotName, ...] = setting("The bots that answer in its name.", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bots:
    """The bots that staff talk to."""

    language: Literal["nl", "en"] = setting(
        "The language of who has not chosen one with !taal or !language: nl or en.", default="nl"
    )
    timezone: TimeZone = setting("The time zone of dates and times, and of jobs.", default=TimeZone("Europe/Amsterdam"))
    commands_per_minute: Annotated[int, between(1, 10_000)] = setting(
        "How many commands one person may give within a minute.", default=30
    )
    users: Annotated[tuple[BotUser, ...], not_empty] = setting(
        "The Matrix users of the bots; people invite them to their rooms. "
        "A bot that stands under none of them belongs to the first.",
        default=(
            BotUser(
                localpart=Localpart("postkamer"),
                displayname="Postkamer",
                bots=(BotName("archive"), BotName("core"), BotName("search"), BotName("webhook")),
            ),
            BotUser(localpart=Localpart("mededelingen"), displayname="Mededelingen", bots=(BotName("announce"),)),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Who may do what with the bots. Others may do nothing."""

    staff: tuple[IdPattern, ...] | None = setting(
        "The members of staff; * stands for anything. Left out: everybody on homeserver.server_name.", default=None
    )
    guests: tuple[IdPattern, ...] = setting(
        "People of other servers who may do what guests may, such as @*:partner.nl.", default=()
    )
    managers: tuple[MatrixId, ...] = setting("Managers of the company: they manage every room they are in.", default=())
    auditors: tuple[MatrixId, ...] = setting(
        "People who may look into everything, for a purpose that is written down with it.", default=()
    )
    it: tuple[MatrixId, ...] = setting("People who look after this program; it reports to them.", default=())
    room_manager_level: Annotated[int, between(1, 100)] = setting(
        "The power level from which somebody manages a room.", default=50
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What people may read in the archive."""

    later_joiners: LaterJoiners = setting(
        "What who joins a room later may read of the time before: as_client (what the room's own setting of history "
        "says), a length of time before joining such as 30d, or all.",
        default=LaterJoiners("as_client"),
    )
    after_leaving: Literal["seen", "nothing"] = setting(
        "What who left a room may still read of it: seen (what could be read then) or nothing.", default="seen"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Messages from other programs, by HTTP, into a room that has a webhook."""

    listen: HostPort | None = setting("HOST:PORT for them, such as 127.0.0.1:29360. Left out: off.", default=None)
    address: WebUrl | None = setting(
        "The URL at which other programs reach `listen`, when that is not http://HOST:PORT.", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """Health and Prometheus metrics, without a password: keep it inside."""

    listen: HostPort = setting("HOST:PORT of /health, /ready and /metrics.", default=HostPort("127.0.0.1", 39350))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """Logs go to standard error. They never hold a secret or the text of a message."""

    level: Literal["debug", "info", "warning", "error"] = setting("What is logged.", default="info")
    format: Literal["json", "text"] = setting("json for machines, text for people.", default="text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole tree."""

    data_dir: Path = setting(
        "Attachments and, without a database URL, PostgreSQL. Relative to this file.", default=Path("data")
    )
    homeserver: Homeserver
    appservice: Appservice
    database: Database = field(default_factory=Database)
    archive: Archive = field(default_factory=Archive)
    encryption: Encryption
    bots: Bots = field(default_factory=Bots)
    rights: Rights = field(default_factory=Rights)
    access: Access = field(default_factory=Access)
    webhooks: Webhooks = field(default_factory=Webhooks)
    monitoring: Monitoring = field(default_factory=Monitoring)
    logging: Logging = field(default_factory=Logging)
