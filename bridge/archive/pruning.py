"""What stays of an event when its content is erased.

The redaction algorithm of the Matrix specification (room version 11, "Redactions"), and what says where the event
belongs: the type and the target of its relation (as in MSC3389), that it was an edit, and what it removed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bridge import rawjson
from bridge.archive.events import REDACTION, UnusableError, object_of, read_object

if TYPE_CHECKING:
    from bridge.storage.inbox import InboxRow

_OUTER = ("type", "sender", "state_key", "origin_server_ts")
_KEPT: dict[str, tuple[str, ...]] = {
    "m.room.member": ("membership", "join_authorised_via_users_server"),
    "m.room.join_rules": ("join_rule", "allow"),
    "m.room.power_levels": (
        "ban",
        "events",
        "events_default",
        "invite",
        "kick",
        "redact",
        "state_default",
        "users",
        "users_default",
    ),
    "m.room.history_visibility": ("history_visibility",),
    REDACTION: ("redacts",),
}


def pruned_content(kind: str, content: dict[str, Any], *, state: bool) -> dict[str, Any]:
    """The content that stays.

    Args:
        kind: the event type.
        state: it is a state event.
    """
    if kind == "m.room.create":
        return content
    kept = {name: content[name] for name in _KEPT.get(kind, ()) if name in content}
    invite = object_of(content.get("third_party_invite"))
    if kind == "m.room.member" and "signed" in invite:
        kept["third_party_invite"] = {"signed": invite["signed"]}
    if state:
        return kept
    relates = object_of(content.get("m.relates_to"))
    relation = {name: relates[name] for name in ("rel_type", "event_id") if isinstance(relates.get(name), str)}
    if "rel_type" in relation:
        kept["m.relates_to"] = relation
        if relation["rel_type"] == "m.replace" and isinstance(content.get("m.new_content"), dict):
            kept["m.new_content"] = {}
    return kept


def pruned(row: InboxRow) -> bytes:
    """The JSON that replaces `row.raw`. Never raises: of what cannot be read, nothing stays."""
    try:
        outer = read_object(row.raw)
    except UnusableError:
        outer = _outer(row.raw)
    kind, content = outer.get("type"), object_of(outer.get("content"))
    kept: dict[str, Any]
    if row.kind == "decrypted":
        kept = {name: outer[name] for name in ("type", "room_id") if name in outer}
    else:
        kept = {"event_id": row.key, "room_id": outer.get("room_id", row.room_id)}
        kept |= {name: outer[name] for name in _OUTER if name in outer}
    state = isinstance(outer.get("state_key"), str)
    kept["content"] = pruned_content(kind, content, state=state) if isinstance(kind, str) else {}
    if kind == REDACTION and isinstance(outer.get("redacts"), str):
        kept["content"].setdefault("redacts", outer["redacts"])
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def _outer(raw: bytes) -> dict[str, Any]:
    """What can be read of an event, member by member, and so of its content."""
    found = _readable(raw)
    if "content" not in found:
        found["content"] = _readable(_members(raw).get(b"content", b""))
    return found


def _readable(raw: bytes) -> dict[str, Any]:
    """The members of an object that each can be read by themselves."""
    found: dict[str, Any] = {}
    for name, value in _members(raw).items():
        try:
            found |= read_object(b'{"' + name + b'":' + value + b"}")
        except UnusableError:
            continue
    return found


def _members(raw: bytes) -> dict[bytes, bytes]:
    try:
        return rawjson.members(raw)
    except rawjson.MalformedError:
        return {}
