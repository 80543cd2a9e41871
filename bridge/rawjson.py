"""Reading the outer level of JSON that no ordinary parser takes: nested thousands deep, or with lone surrogates.

Only used where `msgspec` gave up, so it may be slow; it keeps no stack, so that no nesting can exhaust it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]', re.DOTALL)
_SPACE = b" \t\r\n"
_CLOSES = {b"{": b"}", b"[": b"]"}


class MalformedError(ValueError):
    """Not JSON, or not of the expected kind."""


def members(raw: bytes) -> dict[bytes, bytes]:
    """The members of an object: the name → the value as written.

    Raises:
        MalformedError: not an object.
    """
    found: dict[bytes, bytes] = {}
    for part in _parts(raw, b"{"):
        name = _TOKEN.match(part)
        if name is None or not name[0].startswith(b'"'):
            raise MalformedError("a member of an object has no name")
        rest = part[name.end() :].lstrip(_SPACE)
        if not rest.startswith(b":"):
            raise MalformedError("a member of an object has no value")
        found[_name(name[0])] = rest[1:].strip(_SPACE)
    return found


def _name(written: bytes) -> bytes:
    if b"\\" not in written:
        return written[1:-1]
    try:
        return str(json.loads(written)).encode(errors="surrogatepass")
    except ValueError as error:
        raise MalformedError("the name of a member is no string") from error


def elements(raw: bytes) -> list[bytes]:
    """The elements of an array, as written.

    Raises:
        MalformedError: not an array.
    """
    return list(_parts(raw, b"["))


def _parts(raw: bytes, opening: bytes) -> Iterator[bytes]:
    """What stands between the commas of the outermost bracket."""
    raw = raw.strip(_SPACE)
    if not raw.startswith(opening) or not raw.endswith(_CLOSES[opening]):
        raise MalformedError("an object or an array is expected here")
    depth, start = 0, 1
    for token in _TOKEN.finditer(raw):
        what = token[0]
        if what in (b"{", b"["):
            depth += 1
        elif what in (b"}", b"]"):
            depth -= 1
            if depth == 0 and token.end() != len(raw):
                raise MalformedError("something follows the last bracket")
        if depth == 0 or (what == b"," and depth == 1):
            part = raw[start : token.start()].strip(_SPACE)
            if part:
                yield part
            elif depth or start > 1:
                raise MalformedError("something is missing between two commas")
            start = token.end()
    if depth:
        raise MalformedError("a bracket is not closed")
