"""`postkamer init`: a folder with config.yaml and registration.yaml, with fresh secrets."""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.config.checks import HostPort, Secret, ServerName, WebUrl, postgresql_url
from bridge.config.example import config_yaml
from bridge.config.loader import ConfigError, load_text
from bridge.config.registration import dump, registration
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONFIG, REGISTRATION = "config.yaml", "registration.yaml"

_DONE, _WRONG_USE = 0, 2
_MONITORING_ABOVE = 10_000
_LAST_PORT = 65535
_NEXT = """\
Wrote {config} and {registration}. Both hold secrets.

Next:
  1. Install the registration: copy {registration} to where the user that runs Synapse can read it,
     name the copy in homeserver.yaml, and restart Synapse:
       app_service_config_files:
         - /etc/matrix-synapse/{name}
  2. postkamer check -c {config}
     postkamer run -c {config}
"""


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("init", help="write config.yaml and registration.yaml with fresh tokens")
    add = command.add_argument
    add(
        "--dir",
        type=Path,
        required=True,
        metavar="D",
        help="the folder for both files; it is made when it is not there",
    )
    add(
        "--homeserver", type=_argument(WebUrl.parse), required=True, metavar="URL", help="where we reach the homeserver"
    )
    add("--server-name", type=_argument(ServerName.parse), required=True, metavar="N", help="its name in Matrix ids")
    add("--database", type=_argument(_database), metavar="URL", help="PostgreSQL; without it we run one of our own")
    add("--listen", type=_argument(HostPort.parse), metavar="HOST:PORT", help="where the homeserver reaches us")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write both files, or none.

    Raises:
        PostkamerError: one of them is there already, or cannot be written.
    """
    values: dict[str, object] = {
        "homeserver.address": args.homeserver,
        "homeserver.server_name": args.server_name,
        "appservice.listen": args.listen or HostPort.parse(HostPort.EXAMPLE),
    }
    if args.database is not None:
        values["database.url"] = args.database.reveal()
    try:
        config, other = write(args.dir, values)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return _WRONG_USE
    print(_NEXT.format(config=config, registration=other, name=f"postkamer-{REGISTRATION}"), end="")
    return _DONE


def write(folder: Path, values: Mapping[str, object]) -> tuple[Path, Path]:
    """Write a config and its registration, with fresh secrets, into a folder.

    Args:
        values: settings by dotted path; those that have no default (but for the secrets) and `appservice.listen`.

    Returns:
        both paths.

    Raises:
        PostkamerError: one of them is there already, or cannot be written.
        ConfigError: these values do not make a config.
    """
    config, other = folder / CONFIG, folder / REGISTRATION
    for path in (config, other):
        if os.path.lexists(path):
            raise _exists(path)
    listen = values["appservice.listen"]
    assert isinstance(listen, HostPort)  # noqa: S101
    made = {
        "appservice.as_token": secrets.token_urlsafe(48),
        "appservice.hs_token": secrets.token_urlsafe(48),
        "encryption.pickle_key": secrets.token_urlsafe(48),
        "monitoring.listen": HostPort("127.0.0.1", monitoring_port(listen.port)),
    }
    text = config_yaml({**made, **values})
    _write({config: text, other: dump(registration(load_text(text, config)))})
    return config, other


def monitoring_port(port: int) -> int:
    """A port for monitoring beside this one: 10,000 higher, or lower, or the next one that is free at this moment."""
    first = port + _MONITORING_ABOVE if port + _MONITORING_ABOVE <= _LAST_PORT else port - _MONITORING_ABOVE
    return next(
        (candidate for candidate in range(first, _LAST_PORT + 1) if candidate != port and _is_free(candidate)), first
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As a server does: what a closed connection has left behind is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _argument(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """For argparse, which would quote the value, a password perhaps, after a ValueError."""

    def convert(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _database(text: str) -> Secret:
    url = Secret.parse(text)
    postgresql_url(url)
    return url


def _exists(path: Path) -> PostkamerError:
    return PostkamerError(f"{path} is there already", "nothing was changed: take another --dir, or move the file away")


def _write(files: dict[Path, str]) -> None:
    """Write new files that only we may read; when one fails, none is left behind."""
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            written.append(path)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        for path in written:
            path.unlink()
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            raise _exists(path) from None
        raise PostkamerError(
            f"{error.filename or path}: cannot be written ({error.strerror})", "take another --dir, or mend that one"
        ) from error
