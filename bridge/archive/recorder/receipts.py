"""How far people have read, from `m.receipt` (Client-Server API v1.16, "Receipts")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.archive.events import UnusableError, fit, instant, object_of, read_object, reference, text_of
from bridge.storage.receipts import ReceiptRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.storage.inbox import InboxRow

_PUBLIC = "m.read"  # m.read.private is nobody's business


def receipts_of(row: InboxRow) -> Iterator[ReceiptRow]:
    """The public receipts in an ephemeral event.

    Raises:
        UnusableError: it cannot be read.
    """
    outer = read_object(row.raw)
    if outer.get("type") != "m.receipt":
        return
    room_id = text_of(outer.get("room_id"))
    if not room_id:
        raise UnusableError("no usable room_id")
    for event_id, kinds in object_of(outer.get("content")).items():
        if reference(event_id) is None:
            continue
        for user_id, said in object_of(object_of(kinds).get(_PUBLIC)).items():
            about = object_of(said)
            thread_id = text_of(about.get("thread_id")) or ""
            read_at = instant(about.get("ts"), row.received_at)
            yield ReceiptRow(fit(room_id), fit(user_id), fit(thread_id), event_id, read_at)
