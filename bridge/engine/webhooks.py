"""What other programs call: a message by HTTP into the room of a webhook, in the outbox before it is answered.

`POST /webhook/ID/SECRET`. Answers are those of Slack: 200 with `ok`; refusals are JSON with what to do in `error`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientError, web

from bridge.archive.secret import unseal
from bridge.config.users import bot_ids
from bridge.engine.pace import Pace
from bridge.engine.webhook_payload import House, PayloadError, Sent, read
from bridge.engine.webhook_signature import is_signed
from bridge.storage import outbox, webhooks
from bridge.storage.db import UNAVAILABLE
from bridge.storage.outbox import MESSAGE, NewPost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config.schema import Config
    from bridge.storage.db import Db
    from bridge.storage.webhooks import KeptWebhook, Place

log = structlog.get_logger(__name__)

MAX_BODY = 256 * 1024
BODY_SECONDS = 30.0
PER_MINUTE, BURST = 60, 10
AGAIN_SECONDS, MOVING_SECONDS = 5, 30

# A repeated delivery has the same value. `webhook-id`: Standard Webhooks; `Idempotency-Key`: GitLab and others.
DELIVERY_HEADERS = ("webhook-id", "X-GitHub-Delivery", "Idempotency-Key")

_ID = re.compile("[A-Za-z0-9_-]{16}")
_NO_TOKEN = bytes(32)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _RefusedError(Exception):
    """Answered with this status; the text is for who reads the sender's log."""

    def __init__(self, status: int, error: str, *, again_after: float | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = {} if again_after is None else {"Retry-After": str(math.ceil(again_after))}


class Receiver:
    """The endpoint.

    Args:
        on_posted: called when there is something new in the outbox.
    """

    def __init__(self, db: Db, config: Config, on_posted: Callable[[], None]) -> None:
        self._db = db
        self._users = bot_ids(config)
        self._path = urlsplit(config.webhooks.address or "").path
        self._pickle_key = config.encryption.pickle_key
        self._house = House(config.bots.timezone.zone, config.bots.language)
        self._on_posted = on_posted
        self._pace = Pace(PER_MINUTE, BURST)

    def application(self) -> web.Application:
        """The aiohttp application. A proxy may leave the path of `webhooks.address` in front, or take it away."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[_guard])
        for prefix in {"", self._path}:
            app.router.add_post(f"{prefix}/webhook/{{id}}/{{secret}}", self._post)
        return app

    async def _post(self, request: web.Request) -> web.Response:
        hook = await self._shown(request)
        try:
            body = await _body(request)
            self._check_signature(hook, request.headers, body)
            self._check_pace(hook)
            content = await self._read(request, body, hook)
            room_id = await self._store(hook, _delivery(request.headers), content)
        except _RefusedError as refusal:
            log.info("webhook refused a post", webhook=hook.id, status=refusal.status)
            raise
        log.info("webhook took a post", webhook=hook.id, room_id=room_id, bytes=len(body))
        return web.Response(text="ok")

    async def _shown(self, request: web.Request) -> KeptWebhook:
        """The webhook whose id and secret stand in the path; the same work whether the id is known or not."""
        shown = request.match_info["id"]
        async with self._db.connection() as connection:
            hook = await webhooks.get(connection, shown if _ID.fullmatch(shown) else "")
        digest = hashlib.sha256(request.match_info["secret"].encode(errors="replace")).digest()
        fits = hmac.compare_digest(digest, _NO_TOKEN if hook is None else hook.token_sha256)
        if hook is None or not fits:
            raise _not_found()
        return hook

    def _check_signature(self, hook: KeptWebhook, headers: Mapping[str, str], body: bytes) -> None:
        if hook.signing_key is None:
            return
        key = unseal(hook.signing_key, self._pickle_key.reveal(), key_purpose(hook.id)).decode()
        if not is_signed(key, headers, body, time.time()):
            raise _RefusedError(
                401,
                "This webhook asks for a signature with its signing key: X-Hub-Signature-256 (sha256=HEX of the body), "
                "or the headers of Standard Webhooks, not older than 5 minutes.",
            )

    def _check_pace(self, hook: KeptWebhook) -> None:
        wait = self._pace.take(hook.id)
        if wait:
            raise _RefusedError(429, f"At most {PER_MINUTE} messages a minute: wait a little.", again_after=wait)

    async def _read(self, request: web.Request, body: bytes, hook: KeptWebhook) -> str:
        """The content of the message, as JSON; in a thread, since formatting a long text takes its time."""
        try:
            content = await asyncio.to_thread(read, _sent(request, body), hook.name, self._house)
        except PayloadError as error:
            raise _RefusedError(400, str(error)) from error
        return json.dumps(content, ensure_ascii=False)

    async def _store(self, hook: KeptWebhook, delivery: str, content: str) -> str:
        """Put the message into the outbox, once for each delivery; the id of the room it goes to."""
        cause = f"webhook.{hook.id}.{delivery}"
        if hook.user_id not in self._users:
            raise _RefusedError(410, f"{hook.user_id} is not a bot here any more: make another webhook, or ask IT.")
        async with self._db.tx() as tx:
            place = await webhooks.place(tx, hook)
            _check_place(place, hook)
            if not await outbox.by_cause(tx, cause, hook.user_id):
                if not await webhooks.note_use(tx, hook.id):
                    raise _not_found()
                post = NewPost(
                    cause, cause, hook.user_id, place.room_id, None, sealed=False, type=MESSAGE, content=content
                )
                await outbox.add(tx, [post])
        self._on_posted()
        return place.room_id


def key_purpose(webhook_id: str) -> str:
    """What a signing key is sealed for."""
    return f"signing key of webhook {webhook_id}"


def _not_found() -> _RefusedError:
    return _RefusedError(404, "There is no such webhook: it was removed, or its URL is not complete.")


def _check_place(place: Place, hook: KeptWebhook) -> None:
    if place.bot == "moving":
        raise _RefusedError(
            503,
            f"The room was upgraded, and {hook.user_id} is not in the new one yet: invite it there.",
            again_after=MOVING_SECONDS,
        )
    if place.bot == "out":
        raise _RefusedError(410, f"{hook.user_id} is not in the room of this webhook any more: invite it again.")


def _delivery(headers: Mapping[str, str]) -> str:
    """What makes this post one: what the sender says, or nothing but itself."""
    for name in DELIVERY_HEADERS:
        if value := headers.get(name):
            return hashlib.sha256(f"{name}: {value}".encode(errors="replace")).hexdigest()
    return uuid.uuid4().hex


def _sent(request: web.Request, body: bytes) -> Sent:
    """Without a Content-Type it is taken for JSON."""
    kind = request.content_type if "Content-Type" in request.headers else "application/json"
    return Sent(body, kind, request.charset or "utf-8", request.headers.get("User-Agent", ""))


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _RefusedError(413, f"A post has at most {MAX_BODY} bytes.") from error
    except TimeoutError as error:
        raise _RefusedError(408, f"The body did not come within {BODY_SECONDS:.0f} seconds.") from error
    except (OSError, ClientError, web.RequestPayloadError) as error:
        raise _RefusedError(400, "The body did not come as a whole.") from error


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as JSON, and let nobody keep an answer."""
    answer = await _answer(request, handler)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except _RefusedError as error:
        refusal = error
    except web.HTTPException as error:
        refusal = _not_found() if error.status == HTTPStatus.NOT_FOUND else _RefusedError(error.status, error.reason)
    except UNAVAILABLE as error:
        log.warning("webhook not served, the database is away", error=type(error).__name__)
        refusal = _RefusedError(503, "The database is away; send it again.", again_after=AGAIN_SECONDS)
    except Exception:
        log.exception("webhook not served")
        refusal = _RefusedError(500, "Not taken; send it again.")
    return web.json_response({"ok": False, "error": refusal.error}, status=refusal.status, headers=refusal.headers)
