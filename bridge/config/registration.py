"""The registration file: what the homeserver has to know of us (Matrix Application Service API, "Registration").

The rooms namespace gives us every event of every room without the right to act as anybody but our own users.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bridge.config.document import ConfigError, Problem, compose, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bridge.config.checks import HostPort
    from bridge.config.schema import Config

TO_FILL_IN = "FILL IN"

_SECRETS = ("as_token", "hs_token")
_HEAD = """\
What the homeserver has to know of Postkamer. `postkamer init` writes this file with all values.
Put it where Synapse can read it, name it under app_service_config_files in homeserver.yaml, and restart Synapse.
It holds two passwords: only Synapse and Postkamer may read it."""
_COMMENTS = {
    "id": "The name of this registration; appservice.id in config.yaml.",
    "url": "Where the homeserver reaches Postkamer: appservice.listen in config.yaml, or appservice.address.",
    "as_token": "What Postkamer shows to the homeserver; appservice.as_token in config.yaml.",
    "hs_token": "What the homeserver shows to Postkamer; appservice.hs_token in config.yaml.",
    "sender_localpart": "The user of the registration itself. It is in no room and does nothing.",
    "rate_limited": "Answers to many people at once are not slowed down.",
    "receive_ephemeral": "Read receipts are sent to us too.",
    "de.sorunome.msc2409.push_ephemeral": "The same for older servers.",
    "io.element.msc4190": "Each bot makes its own device, with which it reads encrypted rooms.",
    "users": "Only our own users: Postkamer can act as nobody else.",
    "aliases": "No room addresses.",
    "rooms": "All rooms, for reading: the server sends us their events, and no bot has to be a member.",
}


def registration(config: Config) -> dict[str, Any]:
    """The registration that belongs to this config, with its tokens in clear."""
    ours = config.appservice
    names = (ours.sender_localpart, *(user.localpart for user in config.bots.users))
    return _content(
        appservice_id=ours.id,
        url=ours.address or f"http://{_reached_at(ours.listen)}",
        as_token=ours.as_token.reveal(),
        hs_token=ours.hs_token.reveal(),
        sender_localpart=str(ours.sender_localpart),
        users=[f"^{re.escape(f'@{name}:{config.homeserver.server_name}')}$" for name in names],
    )


def sample(*, appservice_id: str, sender: str, bots: Iterable[str]) -> dict[str, Any]:
    """A registration in which the values that nobody can guess are left open.

    In the place of a text stands a list, so that Synapse refuses to start with it.
    """
    users = [f"^@{re.escape(name)}:<{TO_FILL_IN} example\\.com>$" for name in (sender, *bots)]
    hole = [TO_FILL_IN]
    return _content(
        appservice_id=appservice_id, url=hole, as_token=hole, hs_token=hole, sender_localpart=sender, users=users
    )


def dump(content: Mapping[str, Any]) -> str:
    """A registration as YAML, with a comment at each line."""
    lines = [*(f"# {line}" for line in _HEAD.splitlines()), ""]
    for key, value in content.items():
        if key == "namespaces":
            lines.append("namespaces:")
            for name, entries in value.items():
                lines += [f"  # {_COMMENTS[name]}", f"  {name}:" if entries else f"  {name}: []"]
                for entry in entries:
                    lines += [f"    - regex: {_yaml(entry['regex'])}", f"      exclusive: {_yaml(entry['exclusive'])}"]
        else:
            lines += [f"# {_COMMENTS[key]}", f"{key}: {_yaml(value)}"]
    return "\n".join(lines) + "\n"


def read(path: Path) -> dict[str, Any]:
    """The registration in this file.

    Raises:
        FileNotFoundError: it is not there.
        ConfigError: it cannot be read, or still has placeholders.
    """
    text = read_text(path)
    compose(text, path)
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, TypeError, RecursionError):
        # The message of a double key quotes both values, which may be tokens.
        raise ConfigError(path, [Problem("", 0, "cannot be understood: is a key in it twice?")]) from None
    if not isinstance(content, dict):
        raise ConfigError(path, [Problem("", 0, "is no registration: `postkamer init` makes one")])
    holes = [str(key) for key, value in content.items() if TO_FILL_IN in str(value)]
    if holes:
        wrong = "is still the placeholder: run `postkamer init`, or write what config.yaml says"
        raise ConfigError(path, [Problem(key, 0, wrong) for key in holes])
    return {str(key): value for key, value in content.items()}


def differences(config: Config, installed: Mapping[str, Any]) -> list[str]:
    """How a registration differs from what this config needs, a line each; tokens are not quoted."""
    wanted = registration(config)
    found: list[str] = []
    for key, value in wanted.items():
        has = installed.get(key)
        if key == "namespaces" or has == value or (key == "url" and str(has).rstrip("/") == value):
            continue
        if key not in installed:
            found.append(f"{key} is missing" + ("" if key in _SECRETS else f", write `{key}: {_yaml(value)}`"))
        elif key in _SECRETS:
            found.append(f"{key} is not the same as appservice.{key}")
        else:
            found.append(f"{key} is {has!r}, it has to be {value!r}{_or_else(key)}")
    namespaces = installed.get("namespaces")
    for name, entries in wanted["namespaces"].items():
        theirs = _entries(namespaces.get(name) if isinstance(namespaces, dict) else None)
        ours = _entries(entries)
        found += [f"namespaces.{name} lacks regex {regex!r}, exclusive: {_yaml(own)}" for regex, own in ours - theirs]
        found += [f"namespaces.{name} has {regex!r} too: remove it" for regex, _ in theirs - ours]
    return sorted(found)


def _content(
    *, appservice_id: str, url: Any, as_token: Any, hs_token: Any, sender_localpart: str, users: list[str]
) -> dict[str, Any]:
    return {
        "id": appservice_id,
        "url": url,
        "as_token": as_token,
        "hs_token": hs_token,
        "sender_localpart": sender_localpart,
        "rate_limited": False,
        "receive_ephemeral": True,
        "de.sorunome.msc2409.push_ephemeral": True,
        "io.element.msc4190": True,
        "namespaces": {
            "users": [{"regex": regex, "exclusive": True} for regex in users],
            "aliases": [],
            # Room ids of room version 12 carry no server name.
            "rooms": [{"regex": "!.*", "exclusive": False}],
        },
    }


def _reached_at(listen: HostPort) -> str:
    return f"127.0.0.1:{listen.port}" if listen.everywhere else str(listen)


def _or_else(key: str) -> str:
    return " (or set appservice.address to the URL at which the homeserver reaches us)" if key == "url" else ""


def _entries(value: Any) -> set[tuple[str, bool]]:
    """The regexes of a namespace, each with whether it is exclusive; what is not of that shape is left out."""
    entries = value if isinstance(value, list) else []
    return {(str(entry.get("regex")), entry.get("exclusive") is True) for entry in entries if isinstance(entry, dict)}


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return "'" + str(value).replace("'", "''") + "'"
