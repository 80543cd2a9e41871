"""Errors of the database, as a person can act on them."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PORT = 5432
_NOT_A_URL = ("database.url cannot be used", "write postgresql://USER:PASSWORD@HOST:5432/DATABASE")


class Place:
    """What of a database URL may be shown: never the password."""

    def __init__(self, url: str) -> None:
        self.valid = True
        try:
            parts = urlsplit(url)
            query = parse_qs(parts.query)
            host = query.get("host", [unquote(parts.hostname or "localhost")])[0]
            port = query.get("port", [str(parts.port or DEFAULT_PORT)])[0]
            self.user = query.get("user", [unquote(parts.username or "")])[0] or "(none)"
            self.database = unquote(parts.path.lstrip("/")) or self.user
        except ValueError:
            host, port, self.user, self.database = "?", "?", "?", "?"
            self.valid = False
        self.host = host
        self.server = host if host.startswith("/") else f"{host}:{port}"


def explain(error: BaseException, url: str) -> PostkamerError | None:
    """What a failure to use the database means, and what to do.

    Args:
        error: what was raised; the errors that it was raised from are looked at too.
        url: the database's URL; its password is not shown.

    Returns:
        None when it is not a problem that a person can mend from outside.
    """
    place = Place(url)
    for cause in _chain(error):
        if isinstance(cause, PostkamerError):
            return cause
        found = _refused(cause, place) or _not_reached(cause, place)
        if found is not None:
            return PostkamerError(*found)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _refused(error: BaseException, place: Place) -> tuple[str, str] | None:
    """The server was reached, and says no."""
    server, user, database = place.server, place.user, place.database
    answers: dict[type[BaseException], tuple[str, str]] = {
        asyncpg.InvalidPasswordError: (
            f"the database server at {server} refuses the password of user {user}",
            "correct the user and the password in database.url",
        ),
        asyncpg.InvalidAuthorizationSpecificationError: (
            f"the database server at {server} does not let user {user} in",
            "check the user in database.url, and that pg_hba.conf of the server allows it from this machine",
        ),
        asyncpg.InvalidCatalogNameError: (
            f"there is no database {database} on the server at {server}",
            f'make it: CREATE DATABASE "{database}" OWNER "{user}" TEMPLATE template0 ENCODING \'UTF8\'',
        ),
        asyncpg.InsufficientPrivilegeError: (
            f"user {user} lacks a right in database {database}: {error}",
            f'as its owner: GRANT CREATE, CONNECT ON DATABASE "{database}" TO "{user}"',
        ),
        asyncpg.TooManyConnectionsError: (
            f"the database server at {server} has no connection left for us",
            "raise max_connections of the server, or lower database.pool_size",
        ),
        asyncpg.CannotConnectNowError: (
            f"the database server at {server} is starting or stopping",
            "try again in a moment",
        ),
        asyncpg.LockNotAvailableError: (
            "another program keeps the tables locked, so that they cannot be brought up to date",
            "stop other programs that use this database, then try again",
        ),
    }
    return next((answer for kind, answer in answers.items() if isinstance(error, kind)), None)


def _not_reached(error: BaseException, place: Place) -> tuple[str, str] | None:
    match error:
        case asyncpg.exceptions.ClientConfigurationError():
            return _NOT_A_URL
        case ValueError() if not place.valid:
            return _NOT_A_URL
        case ssl.SSLError():
            return (
                f"no encrypted connection with the database server at {place.server}: {error.reason}",
                "check its certificate, or sslmode in database.url",
            )
        case TimeoutError():
            return (
                f"the database server at {place.server} does not answer",
                "check host and port in database.url, that the server runs, and the firewall between",
            )
        case OSError() | asyncpg.PostgresConnectionError():
            return (
                f"the database server at {place.server} cannot be reached: {getattr(error, 'strerror', None) or error}",
                "check host and port in database.url, and that the server runs",
            )
    return None
