"""How the bot gets its device from a homeserver that is older than the one that the other tests run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from mautrix.api import Method
from mautrix.errors import MNotFound

from bridge.matrix.crypto.device import BotDevice

BOT, TOKEN = "@postkamer:example.com", "as-token"


class OldServer:
    """Answers as Synapse did before MSC4190: no device is made by PUT, a login makes one."""

    def __init__(self) -> None:
        self.token: str = TOKEN
        self.as_user_id: str | None = BOT
        self.as_device_id: str | None = None
        self.asked: list[tuple[str, str, Any]] = []

    async def request(self, method: Method, path: object, content: Any = None, **more: object) -> dict[str, str]:
        del more
        self.asked.append((str(method), str(path), content))
        if method == Method.PUT:
            raise MNotFound(404, "")
        return {"access_token": "token of the device"}


async def test_a_server_without_device_management_is_logged_in_to() -> None:
    api = OldServer()
    loaded: list[bool] = []

    async def load() -> None:
        loaded.append(True)

    client = SimpleNamespace(api=api, mxid=BOT, device_id="POSTKAMERX")
    machine: Any = SimpleNamespace(client=client, load=load)
    store: Any = None
    device = BotDevice(machine, store, as_token=TOKEN, displayname="Postkamer", pickle_key="p")

    await device._create()

    (put, _, _), (post, path, login) = api.asked
    assert (put, post, path) == ("PUT", "POST", "_matrix/client/v3/login")
    assert login["type"] == "m.login.application_service"
    assert login["identifier"] == {"type": "m.id.user", "user": BOT}
    assert login["device_id"] == "POSTKAMERX"
    assert (api.token, api.as_user_id, api.as_device_id) == ("token of the device", None, None)
    assert loaded
