"""Makes the secrets, the config and the registration of the trial, once: what is there already stays as it is."""  # noqa: INP001 (a script)

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

from bridge.cli import main as postkamer

# The users in the images.
POSTKAMER, SYNAPSE, POSTGRES = 10001, 991, 999


def put(path: Path, text: str, owner: int) -> str:
    """Write a file that only its owner may read, unless it is there; returns what it holds."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        give(new, owner)
        new.replace(path)
    return path.read_text(encoding="utf-8")


def give(path: Path, owner: int) -> None:
    """Change the owner; outside a container, where we are not root, all stays ours."""
    if os.geteuid() == 0:
        os.chown(path, owner, owner)


def main(synapse: Path, ours: Path, database: Path) -> int:
    """Fill the three volumes."""
    password = put(database / "password", secrets.token_urlsafe(32), POSTGRES)
    if not (ours / "config.yaml").exists():
        (ours / "registration.yaml").unlink(missing_ok=True)
        words = ["init", "--dir", str(ours), "--homeserver", "http://synapse:8008", "--server-name", "localhost"]
        words += ["--database", f"postgresql://postkamer:{password}@database:5432/postkamer"]
        # By the name that both containers know.
        words += ["--listen", "postkamer:29350"]
        status = postkamer(words)
        if status:
            return status
    for path in (ours, ours / "config.yaml", ours / "registration.yaml"):
        give(path, POSTKAMER)
    put(synapse / "registration.yaml", (ours / "registration.yaml").read_text(encoding="utf-8"), SYNAPSE)
    put(synapse / "pgpass", f"database:*:*:postkamer:{password}\n", SYNAPSE)
    for name in ("registration_shared_secret", "macaroon_secret_key", "form_secret"):
        put(synapse / name, f"{secrets.token_urlsafe(48)}\n", SYNAPSE)
    seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    put(synapse / "signing.key", f"ed25519 a_trial {seed}\n", SYNAPSE)
    give(synapse, SYNAPSE)
    return 0


if __name__ == "__main__":
    sys.exit(main(*(Path(word) for word in sys.argv[1:])))
