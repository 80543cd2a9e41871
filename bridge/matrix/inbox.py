"""What the homeserver calls: transactions in, committed before they are answered.

Source: Matrix Application Service API v1.16. The paths without `/_matrix/app/v1` and the token in the query string
are those of older servers (specification before 1.4).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from bridge.matrix.held_back import HeldBack
from bridge.matrix.transaction import is_empty
from bridge.rawjson import MalformedError
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from bridge.archive.intake import Intake
    from bridge.monitor.metrics import Metrics

log = structlog.get_logger(__name__)

# A transaction has 100 events of 64 KiB, 100 ephemeral and 100 to-device messages at the most, and JSON may need
# six bytes for one (\u0000).
MAX_BODY = 128 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _error(status: int, errcode: str, error: str) -> web.Response:
    return web.json_response({"errcode": errcode, "error": error}, status=status)


def shown_token(request: web.Request) -> str | None:
    """The token in the header, or in the query string as older servers send it."""
    header = re.fullmatch(r"Bearer +(\S+)", request.headers.get("Authorization", "").strip(), re.IGNORECASE)
    return header[1] if header else request.query.get("access_token")


def token_matches(shown: str | None, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest((shown or "").encode(errors="replace"), expected.encode())


class Inbox:
    """The endpoints.

    Args:
        hs_token: what the homeserver has to show.
        on_away: called when a transaction was not taken, since the homeserver then waits longer and longer until it
            is pinged.
    """

    def __init__(self, hs_token: str, intake: Intake, metrics: Metrics, on_away: Callable[[], None]) -> None:
        self._hs_token = hs_token
        self._intake = intake
        self._metrics = metrics
        self._on_away = on_away
        self._held_back = HeldBack()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[self._guard])
        for prefix in ("/_matrix/app/v1", ""):
            app.router.add_put(f"{prefix}/transactions/{{txn_id}}", self._transaction)
            app.router.add_get(f"{prefix}/users/{{user_id}}", self._unknown)
            app.router.add_get(f"{prefix}/rooms/{{alias}}", self._unknown)
        app.router.add_post("/_matrix/app/v1/ping", self._ping)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the token before anything else, and answer every error as the specification says."""
        shown = shown_token(request)
        if shown is None:
            self._metrics.refused.inc()
            return _error(401, "M_MISSING_TOKEN", "Show the hs_token of the registration.")
        if not token_matches(shown, self._hs_token):
            self._metrics.refused.inc()
            return _error(403, "M_FORBIDDEN", "This is not the hs_token of the registration.")
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            return _error(413, "M_TOO_LARGE", f"A transaction has at most {MAX_BODY} bytes.")
        except web.HTTPException as error:
            return _error(error.status, "M_UNRECOGNIZED", "There is no such endpoint.")

    async def _transaction(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            empty = is_empty(body)
        except MalformedError as error:
            log.warning("transaction is not JSON of the expected form", bytes=len(body))
            return _error(400, "M_NOT_JSON", f"The body is no transaction: {error}.")
        if not empty and self._held_back.refuse():
            log.info("asking the homeserver to send again, with what it may hold back")
            self._on_away()
            return _error(503, "M_UNKNOWN", "Send it again, with what else there is.")
        try:
            if not empty:
                await self._intake.put(body)
        except UNAVAILABLE as error:
            log.warning("transaction not stored, the database is away", error=type(error).__name__)
            self._failed()
            return _error(503, "M_UNKNOWN", "The database is away; send it again.")
        except Exception:
            log.exception("transaction not stored", bytes=len(body))
            self._failed()
            return _error(500, "M_UNKNOWN", "Not stored; send it again.")
        self._metrics.transactions.inc()
        return web.json_response({})

    def _failed(self) -> None:
        self._held_back.outage()
        self._on_away()

    async def _unknown(self, request: web.Request) -> web.Response:
        del request
        return _error(404, "M_NOT_FOUND", "Postkamer makes its users and rooms itself.")

    async def _ping(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({})
