"""Reads encrypted events: from the table `undecrypted` to rows of kind 'decrypted' in the inbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from mautrix.errors import MatrixError, MatrixRequestError
from mautrix.types import EventID, IdentityKey, SessionID, UserID

from bridge.matrix.crypto.device import is_unknown_device
from bridge.matrix.crypto.payload import Envelope, Opened, RefusedError, decrypt, envelope
from bridge.storage import inbox, undecrypted
from bridge.storage.db import UNAVAILABLE
from bridge.storage.inbox import MAX_KEY, Arrival
from bridge.text import clean

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from mautrix.crypto import InboundGroupSession

    from bridge.matrix.crypto.machine import Machine
    from bridge.matrix.crypto.store import Store
    from bridge.storage.db import Connection
    from bridge.storage.undecrypted import Due

log = structlog.get_logger(__name__)

BATCH = 100
MAX_GONE = 10_000
BAD_REQUEST = 400


@dataclass(slots=True)
class _Outcome:
    read: list[Arrival] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Decryptor:
    """Reads what is due.

    Args:
        lock: held while keys are used or taken, so that no key arrives between looking for it and saying that it is
            missing.
    """

    def __init__(self, machine: Machine, store: Store, lock: asyncio.Lock) -> None:
        self.read = 0  # since the start
        self._machine = machine
        self._store = store
        self._lock = lock
        self._gone_devices: set[tuple[str, str]] = set()

    async def step(self) -> bool:
        """Try one batch; False when nothing was due.

        Raises:
            mautrix.errors.MatrixError: the homeserver could not be asked for the devices of a sender.
            one of `storage.db.UNAVAILABLE`.
        """
        async with self._lock:
            async with self._store.connection() as connection:
                rows = await undecrypted.due(connection, BATCH)
            if not rows:
                return False
            try:
                await self._try(rows)
            except (*UNAVAILABLE, MatrixError):
                raise
            except Exception as error:  # noqa: BLE001 (whatever it is, the flow goes on)
                log.warning("batch of encrypted events failed, going on one by one", error=type(error).__name__)
                for row in rows:
                    await self._try_alone(row)
        return True

    async def _try_alone(self, row: Due) -> None:
        try:
            await self._try([row])
        except (*UNAVAILABLE, MatrixError):
            raise
        except Exception as error:
            log.exception("encrypted event failed", event_id=row.event_id)
            async with self._store.tx() as tx:
                await undecrypted.refuse(tx, [(row.event_id, f"failed: {type(error).__name__}")])

    async def _try(self, rows: Sequence[Due]) -> None:
        outcome, tried = _Outcome(), []
        sessions: dict[tuple[str, str], InboundGroupSession | str] = {}
        for row in rows:
            if row.erased:
                outcome.gone.append(row.event_id)
                continue
            try:
                tried.append((row, envelope(row.raw), await self._session(sessions, row)))
            except RefusedError as refused:
                outcome.refused.append((row.event_id, refused.reason))
        checked = [(row, sealed, session, await self._sent_by(sealed, session)) for row, sealed, session in tried]
        async with self._store.tx() as tx:
            for row, sealed, session, genuine in checked:
                try:
                    opened = await self._open(row, sealed, session, genuine=genuine)
                except RefusedError as refused:
                    outcome.refused.append((row.event_id, refused.reason))
                else:
                    outcome.read.append(_arrival(row, opened))
            await _commit(tx, outcome)
        self.read += len(outcome.read)

    async def _session(
        self, sessions: dict[tuple[str, str], InboundGroupSession | str], row: Due
    ) -> InboundGroupSession:
        name = (row.room_id, row.session_id)
        if name not in sessions:
            session = await self._store.room_key(*name)
            if session is None:
                code = await self._store.withheld_code(*name)
                sessions[name] = undecrypted.withheld(code) if code else undecrypted.NO_KEY
            else:
                sessions[name] = session
        found = sessions[name]
        if isinstance(found, str):
            raise RefusedError(found)
        return found

    async def _sent_by(self, sealed: Envelope, session: InboundGroupSession) -> bool:
        """Whether the key may be of the sender: false when a device of the sender has another signing key.

        A device that is no more proves nothing, and its messages stay readable.
        """
        name = (sealed.sender, str(session.sender_key))
        if name in self._gone_devices:
            return True
        try:
            device = await self._machine.get_or_fetch_device_by_key(UserID(sealed.sender), IdentityKey(name[1]))
        except MatrixRequestError as error:
            if error.http_status != BAD_REQUEST or is_unknown_device(error):
                raise
            device = None  # no such user
        except (*UNAVAILABLE, MatrixError):
            raise
        except Exception as error:  # noqa: BLE001 (nobody can hide by publishing devices that make no sense)
            log.warning("devices of a sender could not be taken", user_id=sealed.sender, error=type(error).__name__)
            device = None
        if device is None:
            if len(self._gone_devices) >= MAX_GONE:
                self._gone_devices.clear()
            self._gone_devices.add(name)
            return True
        return bool(device.signing_key == session.signing_key)

    async def _open(self, row: Due, sealed: Envelope, session: InboundGroupSession, *, genuine: bool) -> Opened:
        if not genuine:
            raise RefusedError(undecrypted.WRONG_SENDER)
        opened = decrypt(session, sealed.ciphertext, row.room_id)
        if not await self._store.validate_message_index(
            session.sender_key, SessionID(session.id), EventID(row.event_id), opened.index, sealed.sent_at
        ):
            raise RefusedError(undecrypted.REPLAY)
        return opened


def _arrival(row: Due, opened: Opened) -> Arrival:
    return Arrival("decrypted", row.event_id, row.room_id, clean(opened.type)[:MAX_KEY], opened.raw)


async def _commit(tx: Connection, outcome: _Outcome) -> None:
    """The texts in the inbox, and the rows gone: one transaction."""
    done: Sequence[str] = [arrival.key for arrival in outcome.read]
    kept = await undecrypted.not_erased(tx, done) if done else set()
    await undecrypted.refuse(tx, outcome.refused)
    await undecrypted.remove(tx, [*done, *outcome.gone])
    if kept:
        await inbox.append(tx, [arrival for arrival in outcome.read if arrival.key in kept])
