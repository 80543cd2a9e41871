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
    from collections.abc import Callable, Sequence

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
    """Reads what is due with the keys of all our bots: one that has the key is enough.

    Args:
        machines: of all of them, also of those that have trouble.
        ready: those of them that can ask the homeserver.
        keys: held while keys are looked for or taken, so that none arrives between looking for it and saying that it is
            missing.
        on_missing: called when a key is missing.
    """

    def __init__(
        self,
        machines: Sequence[Machine],
        ready: Callable[[], Sequence[Machine]],
        keys: asyncio.Lock,
        *,
        on_missing: Callable[[], None],
    ) -> None:
        self.read = 0  # since the start
        self._stores = [machine.crypto_store for machine in machines]
        self._ready = ready
        self._lock = keys
        self._on_missing = on_missing
        self._gone_devices: set[tuple[str, str]] = set()

    @property
    def _store(self) -> Store:
        """For what is not of one bot."""
        return self._stores[0]

    async def step(self) -> bool:
        """Try one batch; False when nothing was due, or no bot is ready.

        Raises:
            mautrix.errors.MatrixError: the homeserver could not be asked for the devices of a sender.
            one of `storage.db.UNAVAILABLE`.
        """
        async with self._lock:
            if not self._ready():
                return False
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
        found: dict[tuple[str, str], Sequence[InboundGroupSession] | str] = {}
        for row in rows:
            if row.erased:
                outcome.gone.append(row.event_id)
                continue
            try:
                tried.append((row, envelope(row.raw), await self._sessions(found, row)))
            except RefusedError as refused:
                outcome.refused.append((row.event_id, refused.reason))
        checked = [(row, sealed, await self._genuine(sealed, sessions)) for row, sealed, sessions in tried]
        async with self._store.tx() as tx:
            for row, sealed, sessions in checked:
                try:
                    opened = await self._open(row, sealed, sessions)
                except RefusedError as refused:
                    outcome.refused.append((row.event_id, refused.reason))
                else:
                    outcome.read.append(_arrival(row, opened))
            await _commit(tx, outcome)
        self.read += len(outcome.read)
        if any(reason == undecrypted.NO_KEY for _, reason in outcome.refused):
            self._on_missing()

    async def _sessions(
        self, found: dict[tuple[str, str], Sequence[InboundGroupSession] | str], row: Due
    ) -> Sequence[InboundGroupSession]:
        """The keys that our bots have, the one with the earliest start first."""
        name = (row.room_id, row.session_id)
        if name not in found:
            held = [session for store in self._stores if (session := await store.room_key(*name)) is not None]
            held.sort(key=lambda session: int(session.first_known_index))
            found[name] = held or await self._why_none(*name)
        sessions = found[name]
        if isinstance(sessions, str):
            raise RefusedError(sessions)
        return sessions

    async def _why_none(self, room_id: str, session_id: str) -> str:
        for store in self._stores:
            code = await store.withheld_code(room_id, session_id)
            if code:
                return undecrypted.withheld(code)
        return undecrypted.NO_KEY

    async def _genuine(self, sealed: Envelope, sessions: Sequence[InboundGroupSession]) -> list[InboundGroupSession]:
        return [session for session in sessions if await self._sent_by(sealed, session)]

    async def _sent_by(self, sealed: Envelope, session: InboundGroupSession) -> bool:
        """Whether the key may be of the sender: false when a device of the sender has another signing key.

        A device that is no more proves nothing, and its messages stay readable.
        """
        name = (sealed.sender, str(session.sender_key))
        if name in self._gone_devices:
            return True
        try:
            machine = self._ready()[0]
            device = await machine.get_or_fetch_device_by_key(UserID(sealed.sender), IdentityKey(name[1]))
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

    async def _open(self, row: Due, sealed: Envelope, sessions: Sequence[InboundGroupSession]) -> Opened:
        refusals = [RefusedError(undecrypted.WRONG_SENDER)]
        for session in sessions:
            try:
                opened = decrypt(session, sealed.ciphertext, row.room_id)
            except RefusedError as refused:
                refusals.append(refused)
                continue
            if await self._store.validate_message_index(
                session.sender_key, SessionID(session.id), EventID(row.event_id), opened.index, sealed.sent_at
            ):
                return opened
            raise RefusedError(undecrypted.REPLAY)
        raise refusals[min(1, len(sessions))]


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
