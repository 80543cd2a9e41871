"""The settings of a Synapse that serves this machine alone."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_UNLIMITED = {"per_second": 9999, "burst_count": 9999}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What Synapse keeps from one start to the next."""

    registration_shared_secret: str
    macaroon_secret_key: str
    form_secret: str
    signing_key: str


def kept_secrets(directory: Path) -> Secrets:
    """The secrets of a directory; made at the first call."""
    path = directory / "secrets.json"
    if path.exists():
        return Secrets(**json.loads(path.read_text()))
    seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    made = Secrets(
        registration_shared_secret=secrets.token_urlsafe(32),
        macaroon_secret_key=secrets.token_urlsafe(32),
        form_secret=secrets.token_urlsafe(32),
        signing_key=f"ed25519 a_demo {seed}\n",
    )
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(asdict(made)))
    unfinished.replace(path)
    return made


def write_config(
    directory: Path,
    server_name: str,
    port: int,
    registrations: Sequence[Path],
    database: Mapping[str, Any] | None = None,
) -> Path:
    """Write homeserver.yaml, and what it refers to, in `directory`.

    Args:
        database: as homeserver.yaml has it; None: SQLite.

    Returns:
        the path of homeserver.yaml (JSON is YAML too).
    """
    kept = kept_secrets(directory)
    _private(directory / "signing.key", kept.signing_key)
    _private(directory / "log.yaml", json.dumps(_logging()))
    settings = _settings(directory, server_name, port, kept) | {
        "app_service_config_files": [str(path.resolve()) for path in registrations],
        **({"database": database} if database else {}),
    }
    path = directory / "homeserver.yaml"
    _private(path, json.dumps(settings, indent=2))
    return path


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _settings(directory: Path, server_name: str, port: int, kept: Secrets) -> dict[str, Any]:
    return {
        "server_name": server_name,
        "public_baseurl": f"http://localhost:{port}/",
        "listeners": [
            {
                "type": "http",
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(directory / "homeserver.db")}},
        "media_store_path": str(directory / "media"),
        "max_upload_size": "200M",
        "log_config": str(directory / "log.yaml"),
        "signing_key_path": str(directory / "signing.key"),
        "registration_shared_secret": kept.registration_shared_secret,
        "macaroon_secret_key": kept.macaroon_secret_key,
        "form_secret": kept.form_secret,
        "report_stats": False,
        "federation_domain_whitelist": [],
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "url_preview_enabled": False,
        "enable_registration": False,
        "bcrypt_rounds": 4,
        "presence": {"enabled": False},
        "user_directory": {"search_all_users": True},
        **_no_limits(),
    }


def _no_limits() -> dict[str, Any]:
    flat = (
        "message",
        "registration",
        "registration_token_validity",
        "admin_redaction",
        "joins_per_room",
        "key_requests",
        "3pid_validation",
        "third_party_invite",
        "media_create",
        "delayed_event_mgmt",
        "room_creation",
        "reports",
        "user_directory",
        "profile",
    )
    return {f"rc_{name}": _UNLIMITED for name in flat} | {
        "rc_login": {"address": _UNLIMITED, "account": _UNLIMITED, "failed_attempts": _UNLIMITED},
        "rc_joins": {"local": _UNLIMITED, "remote": _UNLIMITED},
        "rc_invites": {"per_room": _UNLIMITED, "per_user": _UNLIMITED, "per_issuer": _UNLIMITED},
        "rc_presence": {"per_user": _UNLIMITED},
    }


def _logging() -> dict[str, Any]:
    # Standard error is the log file of the process, so that what Python itself says at a failed start is there too.
    return {
        "version": 1,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "disable_existing_loggers": False,
    }
