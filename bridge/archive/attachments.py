"""Which files an event holds.

Events are written by strangers: a field of the wrong type is as good as one that is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["file", "image", "video", "audio", "voice", "sticker"]

# Matrix specification, client-server API, "Matrix Content (mxc://) URIs", and appendices, "Server Name". Two dots in a
# row are no host name and would be a step up in a path.
_HOST = r"\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\.?"
_MXC = re.compile(rf"mxc://(?P<server>(?:{_HOST})(?::[0-9]{{1,5}})?)/(?P<media>[0-9A-Za-z_-]{{1,255}})")
_MAX_SERVER = 255
_MAX_KEY = 100  # a base64 of 32 bytes has 44 characters
_MAX_SIZE = 2**63 - 1
_MAX_ITEMS = 500  # of a gallery; a 64 KiB event holds fewer

_KINDS: Mapping[str, Kind] = {
    "m.file": "file",
    "m.image": "image",
    "m.video": "video",
    "m.audio": "audio",
    "m.voice": "voice",
    "m.sticker": "sticker",
}
_UNSTABLE = "org.matrix.msc1767."
_EXTENSIBLE = {**_KINDS, **{_UNSTABLE + name.removeprefix("m."): kind for name, kind in _KINDS.items()}}
_FILE_BLOCKS = ("m.file", "org.matrix.msc1767.file")
_VOICE = ("m.voice", "org.matrix.msc3245.voice", "org.matrix.msc3245.voice.v2")

# The types of event in which we look.
EVENT_TYPES = frozenset({"m.room.message", *_EXTENSIBLE})


@dataclass(frozen=True, slots=True)
class AttachmentRef:
    """A file as an event names it."""

    media_id: str  # the mxc URI; of an encrypted file with '#' and a digest of how to decrypt and check it
    mxc: str
    file: dict[str, Any] | None  # EncryptedFile: v, key (k, alg), iv, hashes (sha256); what is unusable is None
    kind: Kind
    name: str
    mimetype: str | None
    size: int | None  # bytes, as declared


def parse_mxc(uri: object) -> tuple[str, str] | None:
    """The server name and media id of a valid mxc URI, otherwise None."""
    match = _MXC.fullmatch(uri) if isinstance(uri, str) else None
    if match is None or len(match["server"]) > _MAX_SERVER:
        return None
    return match["server"], match["media"]


def attachments_of(content: Mapping[str, Any], event_type: str) -> list[AttachmentRef]:
    """The files in the content of an event, each once, in the order in which they stand.

    Known are messages and stickers (`url` or `file`), captions (MSC2530), galleries (MSC4274), extensible events
    (MSC1767, MSC3551) and the new content of an edit. An edit repeats its files outside of `m.new_content` for old
    clients: what stands only there counts too. Never raises.
    """
    if event_type not in EVENT_TYPES:
        return []
    found: dict[str, AttachmentRef] = {}
    for block in (content.get("m.new_content"), content):
        if isinstance(block, Mapping):
            for ref in _in_block(block, event_type):
                found.setdefault(ref.media_id, ref)
    return list(found.values())


def _in_block(block: Mapping[str, Any], event_type: str) -> Iterator[AttachmentRef]:
    classic = _classic(block, _kind_of(block, event_type))
    if classic is not None:
        yield classic
    for name in _FILE_BLOCKS:
        inner = block.get(name)
        if isinstance(inner, Mapping) and (classic is None or inner.get("url") != classic.mxc):
            ref = _extensible(inner, _kind_of(block, event_type))
            if ref is not None:
                yield ref
    items = block.get("itemtypes")
    for item in items[:_MAX_ITEMS] if isinstance(items, list) else ():
        ref = _classic(item, _KINDS.get(_text(item.get("itemtype")), "file")) if isinstance(item, Mapping) else None
        if ref is not None:
            yield ref


def _kind_of(block: Mapping[str, Any], event_type: str) -> Kind:
    kind = _EXTENSIBLE.get(event_type) or _KINDS.get(_text(block.get("msgtype")), "file")
    if kind in ("audio", "file") and any(name in block for name in _VOICE):
        return "voice"
    return kind


def _classic(block: Mapping[str, Any], kind: Kind) -> AttachmentRef | None:
    """`url` or `file` with `body`, `filename` and `info`, as in m.room.message."""
    info = block.get("info")
    info = info if isinstance(info, Mapping) else {}
    encrypted = block.get("file")
    where = encrypted.get("url") if isinstance(encrypted, Mapping) else block.get("url")
    name = _text(block.get("filename")) or _text(block.get("body")) or kind
    if isinstance(encrypted, Mapping) and parse_mxc(where) is not None:
        mimetype = _text(info.get("mimetype")) or _text(encrypted.get("mimetype"))
        return _ref(where, _encrypted_file(encrypted), kind=kind, name=name, mimetype=mimetype, size=info.get("size"))
    return _ref(
        block.get("url"), None, kind=kind, name=name, mimetype=_text(info.get("mimetype")), size=info.get("size")
    )


def _extensible(block: Mapping[str, Any], kind: Kind) -> AttachmentRef | None:
    """A content block `m.file` (MSC3551): the members of EncryptedFile stand in the block itself."""
    file = _encrypted_file(block) if "key" in block else None
    name = _text(block.get("name")) or kind
    return _ref(
        block.get("url"), file, kind=kind, name=name, mimetype=_text(block.get("mimetype")), size=block.get("size")
    )


def _ref(
    uri: Any, file: dict[str, Any] | None, *, kind: Kind, name: str, mimetype: str, size: Any
) -> AttachmentRef | None:
    if parse_mxc(uri) is None:
        return None
    declared = size if type(size) is int and 0 <= size <= _MAX_SIZE else None
    media_id = uri if file is None else f"{uri}#{_digest(file)}"
    return AttachmentRef(media_id, uri, file, kind, name, mimetype or None, declared)


def _encrypted_file(file: Mapping[str, Any]) -> dict[str, Any]:
    """What is needed to decrypt and check a file (specification: EncryptedFile)."""
    key, hashes = file.get("key"), file.get("hashes")
    key = key if isinstance(key, Mapping) else {}
    hashes = hashes if isinstance(hashes, Mapping) else {}
    return {
        "v": _short(file.get("v")),
        "key": {"k": _short(key.get("k")), "alg": _short(key.get("alg"))},
        "iv": _short(file.get("iv")),
        "hashes": {"sha256": _short(hashes.get("sha256"))},
    }


def _digest(file: Mapping[str, Any]) -> str:
    """Of all that decides whether a file can be read, so that a wrong key or hash in one event spoils no other."""
    return sha256(json.dumps(file, sort_keys=True).encode()).hexdigest()[:16]


def _short(value: Any) -> str | None:
    return clean(value) if isinstance(value, str) and len(value) <= _MAX_KEY else None


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else ""
