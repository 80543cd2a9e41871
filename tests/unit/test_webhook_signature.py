"""Signatures of posts, with the examples of the two specifications."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.engine.webhook_signature import TOLERANCE_SECONDS, is_signed, new_key

if TYPE_CHECKING:
    from collections.abc import Mapping

# docs.github.com, "Testing the webhook payload validation"
HUB_KEY, HUB_BODY = "It's a Secret to Everybody", b"Hello, World!"
HUB = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

# github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
KEY, BODY, AT = "whsec_plJ3nmyCDGBKInavdOK15jsl", b'{"event_type":"ping","data":{"success":true}}', 1731705121
STANDARD = {
    "webhook-id": "msg_loFOjxBNrRLzqYUf",
    "webhook-timestamp": str(AT),
    "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
}


def signed(key: str, headers: Mapping[str, str], body: bytes, now: float = AT) -> bool:
    return is_signed(key, CIMultiDict(headers), body, now)


def test_the_examples_of_the_specifications() -> None:
    assert signed(HUB_KEY, {"x-hub-signature-256": HUB}, HUB_BODY)
    assert signed(HUB_KEY, {"X-Hub-Signature-256": HUB.upper().replace("SHA", "sha")}, HUB_BODY)
    for now in (AT, AT - TOLERANCE_SECONDS, AT + TOLERANCE_SECONDS):
        assert signed(KEY, STANDARD, BODY, now)
    several = f"v1,AAAA v2,x {STANDARD['webhook-signature']}"
    assert signed(KEY, {**STANDARD, "Webhook-Signature": several}, BODY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook-id": ""}, {"webhook-id": "msg_other"}, {"webhook-timestamp": ""}, {"webhook-timestamp": "-1"},
        {"webhook-timestamp": str(AT + 1)}, {"webhook-timestamp": f"{AT}.0"}, {"webhook-timestamp": "9" * 5000},
        {"webhook-signature": ""}, {"webhook-signature": STANDARD["webhook-signature"][3:]},
        {"webhook-signature": "v1,é"}, {"X-Hub-Signature-256": "sha256="},
    ],
)  # fmt: skip
def test_anything_else_is_refused(wrong: dict[str, str]) -> None:
    assert not signed(KEY, {**STANDARD, **wrong}, BODY)


def test_an_old_one_is_refused() -> None:
    assert not signed(KEY, STANDARD, BODY, AT + TOLERANCE_SECONDS + 1)
    assert not signed(KEY, STANDARD, BODY, AT - TOLERANCE_SECONDS - 1)


@given(st.dictionaries(st.sampled_from([*STANDARD, "X-Hub-Signature-256"]), st.text(), max_size=4), st.binary())
def test_nothing_that_is_sent_breaks_it(headers: dict[str, str], body: bytes) -> None:
    assert not signed(KEY, headers, body)


def test_keys_are_long_and_differ() -> None:
    assert new_key() != new_key()
    assert len(base64.b64decode(new_key().removeprefix("whsec_"), validate=True)) == 32
