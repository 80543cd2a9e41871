from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.archive.attachments import EVENT_TYPES, AttachmentRef, attachments_of, parse_mxc

MXC = "mxc://vandijk.example/AbC_1-2"
FILE = {
    "url": MXC,
    "v": "v2",
    "key": {"kty": "oct", "key_ops": ["encrypt"], "alg": "A256CTR", "k": "aWF6-32KGYaC3A", "ext": True},
    "iv": "w+sE15fzSc0AAAAAAAAAAA",
    "hashes": {"sha256": "fdSLu/YkRx3Wyh3KQabP3rd6+SFiKg5lsJZQHtkSAYA"},
}


def message(msgtype: str = "m.file", **content: Any) -> dict[str, Any]:
    return {"msgtype": msgtype, "body": "offerte.pdf", "url": MXC, **content}


def only(content: dict[str, Any], event_type: str = "m.room.message") -> AttachmentRef:
    (ref,) = attachments_of(content, event_type)
    return ref


def test_plain_file() -> None:
    assert only(message(info={"mimetype": "application/pdf", "size": 4096})) == AttachmentRef(
        MXC, MXC, None, "file", "offerte.pdf", "application/pdf", 4096
    )


def test_caption_is_not_the_name() -> None:
    assert only(message("m.image", filename="foto.png", body="Zo staat hij erbij")).name == "foto.png"


def test_no_name_at_all() -> None:
    assert only({"msgtype": "m.image", "url": MXC, "body": ""}).name == "image"


def test_encrypted_file_keeps_what_decrypts_it() -> None:
    ref = only({"msgtype": "m.video", "body": "v.mp4", "file": FILE, "info": {"mimetype": "video/mp4"}})
    assert ref.media_id.startswith(f"{MXC}#")
    assert ref.mxc == MXC
    assert ref.file == {
        "v": "v2",
        "key": {"k": FILE["key"]["k"], "alg": "A256CTR"},  # type: ignore[index]
        "iv": FILE["iv"],
        "hashes": FILE["hashes"],
    }
    assert (ref.kind, ref.mimetype) == ("video", "video/mp4")


@pytest.mark.parametrize("part", ["key", "iv", "hashes"])
def test_another_key_iv_or_hash_is_another_file(part: str) -> None:
    other = {**FILE, part: {"k": "x", "sha256": "x"} if part != "iv" else "x"}
    assert only({"file": FILE}).media_id != only({"file": other}).media_id


def test_encrypted_file_without_a_key_is_still_recorded() -> None:
    ref = only({"msgtype": "m.file", "body": "x", "file": {"url": MXC, "key": "no", "hashes": ["no"], "iv": 5}})
    assert ref.file == {"v": None, "key": {"k": None, "alg": None}, "iv": None, "hashes": {"sha256": None}}


def test_sticker_and_voice() -> None:
    assert only({"body": "duim", "url": MXC}, "m.sticker").kind == "sticker"
    assert only(message("m.audio", **{"org.matrix.msc3245.voice": {}})).kind == "voice"
    assert only(message("m.audio")).kind == "audio"


def test_voice_with_an_extensible_copy_is_one_file() -> None:
    block = {"url": MXC, "name": "Voice message.ogg", "mimetype": "audio/ogg", "size": 3385}
    assert only(message("m.audio", **{"org.matrix.msc1767.file": block})).name == "offerte.pdf"


def test_extensible_event() -> None:
    block = {"url": MXC, "name": "plan.xlsx", "mimetype": "application/x", "size": 9}
    ref = only({"m.text": [{"body": "plan"}], "m.file": block}, "m.file")
    assert (ref.name, ref.mimetype, ref.size, ref.file) == ("plan.xlsx", "application/x", 9, None)
    assert only({"org.matrix.msc1767.file": {**block, **FILE}}, "org.matrix.msc1767.image").file is not None


def test_gallery() -> None:
    items = [
        {"itemtype": "m.image", "body": "1.png", "url": f"{MXC}1"},
        {"itemtype": "m.file", "body": "2.pdf", "file": FILE},
        "no item",
        {"itemtype": 7, "url": 8},
    ]
    refs = attachments_of({"msgtype": "dm.filament.gallery", "body": "x", "itemtypes": items}, "m.room.message")
    assert [(ref.kind, ref.name) for ref in refs] == [("image", "1.png"), ("file", "2.pdf")]


def test_edit_counts_its_new_content_first() -> None:
    new = {"msgtype": "m.file", "body": "nieuw.pdf", "url": f"{MXC}2"}
    edit = {**message(body="* nieuw.pdf"), "m.new_content": new}
    assert [ref.name for ref in attachments_of(edit, "m.room.message")] == ["nieuw.pdf", "* nieuw.pdf"]
    assert only({**new, "body": "* nieuw.pdf", "m.new_content": new}).name == "nieuw.pdf"


def test_other_types_hold_no_files() -> None:
    assert attachments_of({"url": MXC}, "m.room.avatar") == []
    assert attachments_of({"msgtype": "m.text", "body": MXC}, "m.room.message") == []


def test_what_postgresql_cannot_hold_is_replaced() -> None:
    ref = only(message(filename="a\0\ud800.pdf", info={"mimetype": "\0"}))
    assert (ref.name, ref.mimetype) == ("a\ufffd\ufffd.pdf", "\ufffd")


@pytest.mark.parametrize("size", [-1, True, 2**63, "5", 1.5, None, [], 10**400])
def test_declared_size_of_no_use(size: object) -> None:
    assert only(message(info={"size": size})).size is None


@pytest.mark.parametrize(
    "uri",
    ["mxc://a/b", "mxc://a.b.example:8448/x-y_Z", "mxc://[2001:db8::1]/x", "mxc://[::1]:80/x", "mxc://10.0.0.1/x"],
)
def test_valid_uris(uri: str) -> None:
    assert parse_mxc(uri) is not None


@pytest.mark.parametrize(
    "uri",
    [
        "mxc://../x", "mxc://a/..", "mxc://a..b/x", "mxc://./x", "mxc://a/b/c", "mxc://a/", "mxc:///b", "mxc://a", "a",
        "http://a/b", "mxc://a/b?c", "mxc://a/b#c", "mxc://a/%2e", "mxc://a\n/b", "mxc://a/b\n", "MXC://a/b", "",
        "mxc://u@a/b", "mxc://a:x/b", "mxc://é/b", "mxc://a/٣", f"mxc://a/{'b' * 256}", f"mxc://{'a' * 256}/b",
        None, 5, ["mxc://a/b"],
    ],
)  # fmt: skip
def test_invalid_uris(uri: object) -> None:
    assert parse_mxc(uri) is None
    assert attachments_of({"msgtype": "m.file", "url": uri, "file": {"url": uri}}, "m.room.message") == []


def test_invalid_file_falls_back_to_the_plain_url() -> None:
    assert only(message(file={"url": "../x"})).file is None


_NAMES = [
    "url",
    "file",
    "info",
    "body",
    "filename",
    "msgtype",
    "m.new_content",
    "itemtypes",
    "itemtype",
    "m.file",
    "key",
    "iv",
    "hashes",
    "size",
    "mimetype",
    "name",
    "v",
    "k",
    "sha256",
    "m.voice",
]
_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(MXC)
_LEVEL_1 = _LEAF | st.dictionaries(st.sampled_from(_NAMES), _LEAF, max_size=4) | st.lists(_LEAF, max_size=2)
_LEVEL_2 = _LEVEL_1 | st.dictionaries(st.sampled_from(_NAMES), _LEVEL_1, max_size=5) | st.lists(_LEVEL_1, max_size=2)


@given(
    content=st.dictionaries(st.sampled_from(_NAMES), _LEVEL_2, max_size=8),
    event_type=st.sampled_from(sorted(EVENT_TYPES)),
)
def test_never_raises(content: dict[str, Any], event_type: str) -> None:
    refs = attachments_of(content, event_type)
    assert len({ref.media_id for ref in refs}) == len(refs)
    for ref in refs:
        assert ref.name
        assert len(ref.media_id) < 1000
        json.dumps(ref.file).encode()
