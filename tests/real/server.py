"""What the tests need to know of the homeserver that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.config.loader import load

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config.schema import Config
    from bridge.demo.synapse import LocalSynapse

SENDER = "_postkamer"
BOT = "postkamer"
ANNOUNCER = "mededelingen"


@dataclass(frozen=True, slots=True)
class Appservice:
    """What the registration that Synapse read at its start says. One test at a time listens on `port`."""

    port: int
    as_token: str
    hs_token: str
    id: str = "postkamer"

    def registration(self, server_name: str) -> dict[str, object]:
        """The registration file."""
        users = [f"@{name}:{server_name.replace('.', '[.]')}" for name in (SENDER, BOT, ANNOUNCER)]
        return {
            "id": self.id,
            "url": f"http://127.0.0.1:{self.port}",
            "as_token": self.as_token,
            "hs_token": self.hs_token,
            "sender_localpart": SENDER,
            "rate_limited": False,
            "receive_ephemeral": True,
            "de.sorunome.msc2409.push_ephemeral": True,
            "io.element.msc4190": True,
            "namespaces": {
                "users": [{"regex": f"^{regex}$", "exclusive": True} for regex in users],
                "aliases": [],
                "rooms": [{"regex": "!.*", "exclusive": False}],
            },
        }


@dataclass(frozen=True, slots=True)
class Homeserver:
    """The shared Synapse with the appservice that it knows."""

    local: LocalSynapse
    appservice: Appservice

    @property
    def url(self) -> str:
        """Of the client API."""
        return self.local.url

    @property
    def server_name(self) -> str:
        """The part after the colon in Matrix ids."""
        return self.local.server_name

    async def register(self, localpart: str, password: str, *, admin: bool = False) -> str:
        """See `LocalSynapse.register`."""
        return await self.local.register(localpart, password, admin=admin)

    def user_id(self, localpart: str) -> str:
        """`@localpart:server_name`."""
        return self.local.user_id(localpart)


@dataclass(frozen=True, slots=True)
class Installation:
    """A Postkamer that is set up beside the shared Synapse, with an empty database, and not started."""

    path: Path
    database_url: str
    monitoring: str
    synapse: Homeserver

    @property
    def config(self) -> Config:
        """The config, as the loader reads it from `path`."""
        return load(self.path)


def write_installation(folder: Path, synapse: Homeserver, database_url: str, monitoring_port: int) -> Installation:
    """Write config.yaml for a database."""
    appservice = synapse.appservice
    monitoring = f"127.0.0.1:{monitoring_port}"
    path = folder / "config.yaml"
    path.touch(mode=0o600)
    path.write_text(
        f"""\
data_dir: data
homeserver:
  address: {synapse.url}
  server_name: {synapse.server_name}
appservice:
  listen: 127.0.0.1:{appservice.port}
  as_token: {appservice.as_token}
  hs_token: {appservice.hs_token}
database:
  url: {database_url}
encryption:
  pickle_key: {"pickle" * 8}
monitoring:
  listen: {monitoring}
"""
    )
    return Installation(path, database_url, f"http://{monitoring}", synapse)
