"""Writes `config.example.yaml` and the sample `registration.yaml` from the schema.

`python -m bridge.config.example` writes both into the current folder; a test compares them with the committed ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from bridge.config.checks import PLACEHOLDER, ByteSize, Duration, LaterJoiners
from bridge.config.kind import Kind
from bridge.config.registration import dump, sample
from bridge.config.schema import Appservice, Bots, Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WIDTH = 100
_EXAMPLE = f"""\
Every setting of Postkamer. `postkamer init` writes this file with your values.
What has a value here has it as the default and may be left out; "{PLACEHOLDER}: ...>" has to be replaced.
"""
_OWN = """\
The settings of Postkamer, written by `postkamer init`. `postkamer check` finds what is wrong in here.
Only the user that runs Postkamer may read this file.
"""
_SECRETS = """\
A secret may be in a file of its own: instead of `as_token: ...` write `as_token_file: PATH`, relative to this file.
"""


def config_yaml(values: Mapping[str, object] | None = None) -> str:
    """Every setting with its meaning, as YAML.

    Args:
        values: by dotted path, in the place of defaults and placeholders; without them it is the example.
    """
    head = (_OWN if values else _EXAMPLE) + _SECRETS
    lines = [*(f"# {line}" for line in head.splitlines()), *_section(Config, values or {}, "", "")]
    return "\n".join(lines) + "\n"


def registration_yaml() -> str:
    """The sample of a registration, with the names that are the default."""
    own = {item.name: item.default for item in fields(Appservice)}
    bots = [str(user.localpart) for user in Bots().users]
    return dump(sample(appservice_id=str(own["id"]), sender=str(own["sender_localpart"]), bots=bots))


def write(folder: Path) -> None:
    """Write both files into this folder."""
    (folder / "config.example.yaml").write_text(config_yaml(), encoding="utf-8")
    (folder / "registration.yaml").write_text(registration_yaml(), encoding="utf-8")


def _section(cls: type[Any], values: Mapping[str, object], prefix: str, indent: str) -> Iterator[str]:
    hints = get_type_hints(cls, include_extras=True)
    for item in fields(cls):
        kind = Kind.of(hints[item.name])
        if kind.is_section:
            yield ""
            yield from _comment(str(kind.type.__doc__), indent)
            yield f"{indent}{item.name}:"
            yield from _section(kind.type, values, f"{prefix}{item.name}.", f"{indent}  ")
        else:
            if not indent:
                yield ""
            yield from _setting(item, kind, values.get(f"{prefix}{item.name}", MISSING), indent)


def _setting(item: Field[Any], kind: Kind, value: object, indent: str) -> Iterator[str]:
    doc = str(item.metadata["doc"])
    choices = get_args(kind.type) if get_origin(kind.type) is Literal else ()
    if not all(choice in doc for choice in choices):
        doc += f" One of {', '.join(choices)}."
    if kind.item is not None and kind.item.is_section and item.default is not MISSING:
        yield from _comment(doc, indent)
        yield f"{indent}{item.name}:"
        for number, entry in enumerate(item.default):
            yield from _entry(kind.item.type, entry, f"{indent}  ", explained=number == 0)
        return
    if value is MISSING:
        value = f"{PLACEHOLDER}: {kind.type.EXAMPLE}>" if item.default is MISSING else item.default
    elif item.default not in (MISSING, None):
        doc += f" Default: {item.default}"
    yield from _comment(doc, indent)
    yield f"{indent}{item.name}: {_yaml(value)}"


def _entry(cls: type[Any], entry: object, indent: str, *, explained: bool) -> Iterator[str]:
    """A section in a list; what its keys mean stands at the first one."""
    dash = "- "
    for item in fields(cls):
        if explained:
            yield from _comment(str(item.metadata["doc"]), f"{indent}  " if dash == "  " else indent)
        yield f"{indent}{dash}{item.name}: {_yaml(getattr(entry, item.name))}"
        dash = "  "


def _comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in wrap(" ".join(text.split()), _WIDTH, break_on_hyphens=False)]


def _yaml(value: object) -> str:
    """A scalar, or a list of them; text is in double quotes, in which YAML knows the escapes of JSON."""
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"[{', '.join(_yaml(entry) for entry in value)}]"
    if isinstance(value, int | Duration | ByteSize | LaterJoiners):
        return str(value)
    quoted = json.dumps(str(value), ensure_ascii=False)
    return re.sub("[^\x20-\x7e]", lambda found: f"\\U{ord(found[0]):08x}", quoted)


if __name__ == "__main__":
    write(Path.cwd())
