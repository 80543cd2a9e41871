"""A config on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_config(folder: Path, database_url: str | None) -> Path:
    """A config that the commands accept; nothing in it is reached."""
    path = folder / "config.yaml"
    path.touch(mode=0o600)
    database = f"database:\n  url: {database_url}\n" if database_url else ""
    path.write_text(
        f"""\
homeserver:
  address: http://127.0.0.1:9
  server_name: example.com
appservice:
  as_token: {"a" * 64}
  hs_token: {"h" * 64}
encryption:
  pickle_key: {"k" * 64}
{database}"""
    )
    return path
