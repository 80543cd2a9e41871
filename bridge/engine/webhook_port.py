"""The port `Webhooks`: the webhooks of one room, for one who asks."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING

from bridge.archive.secret import seal
from bridge.botapi.errors import UserError
from bridge.botapi.ports import Webhook
from bridge.engine.webhook_signature import new_key
from bridge.engine.webhooks import key_purpose
from bridge.storage import webhooks
from bridge.storage.webhooks import NewWebhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.config.schema import Config
    from bridge.engine.ports import Asker, WebhooksFor
    from bridge.storage.db import Db
    from bridge.storage.webhooks import KeptWebhook

MOST = 20  # in a room
_SECRET_BYTES = 32
_ID_BYTES = 12


def webhooks_for(db: Db, config: Config) -> WebhooksFor:
    """Makes the port for each question."""

    def bound(asker: Asker) -> RoomWebhooks:
        return RoomWebhooks(db, config, asker)

    return bound


class RoomWebhooks:
    """Implements `bridge.botapi.ports.Webhooks`."""

    def __init__(self, db: Db, config: Config, asker: Asker) -> None:
        self._db = db
        self._config = config
        self._asker = asker

    async def create(self, name: str, *, signed: bool, cause: str) -> tuple[Webhook, str, str | None]:
        """See the port. Of the secret only its digest is kept."""
        address = public_address(self._config)
        if address is None:
            raise UserError("webhooks.off")
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        key = new_key() if signed else None
        webhook_id = _id(self._asker, cause)
        new = NewWebhook(
            webhook_id,
            self._asker.room_id,
            self._asker.bot_user,
            name,
            hashlib.sha256(secret.encode()).digest(),
            self._sealed(webhook_id, key),
            self._asker.user_id,
        )
        async with self._db.tx() as tx:
            made_at = await webhooks.put(tx, new, MOST)
        if made_at == "taken":
            raise UserError("webhooks.taken", name=name)
        if made_at == "full":
            raise UserError("webhooks.full", most=MOST)
        made = Webhook(webhook_id, name, new.created_by, made_at, None, 0, signed)
        return made, f"{address}/webhook/{webhook_id}/{secret}", key

    async def all(self) -> Sequence[Webhook]:
        """See the port."""
        async with self._db.connection() as connection:
            return [_shown(one) for one in await webhooks.of_room(connection, self._asker.room_id)]

    async def remove(self, webhook_id: str) -> bool:
        """See the port."""
        async with self._db.tx() as tx:
            return await webhooks.remove(tx, webhook_id, self._asker.room_id)

    def _sealed(self, webhook_id: str, key: str | None) -> bytes | None:
        if key is None:
            return None
        return seal(key.encode(), self._config.encryption.pickle_key.reveal(), key_purpose(webhook_id))


def public_address(config: Config) -> str | None:
    """Where other programs find our webhooks, without a slash at the end; None when there are none."""
    if config.webhooks.listen is None:
        return None
    return config.webhooks.address or f"http://{config.webhooks.listen}"


def _id(asker: Asker, cause: str) -> str:
    """The same for the same question, so that asking again after a crash makes no second one."""
    digest = hashlib.sha256(f"{asker.bot_user}\n{asker.room_id}\n{cause}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:_ID_BYTES]).decode()


def _shown(kept: KeptWebhook) -> Webhook:
    return Webhook(
        kept.id, kept.name, kept.created_by, kept.created_at, kept.used_at, kept.uses, kept.signing_key is not None
    )
