"""`check` and `run` say what is wrong and what to do."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from bridge.demo.synapse import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.server import Installation

SECONDS = 60


async def postkamer(*arguments: str) -> tuple[int, str]:
    """Exit status, and both outputs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    return process.returncode or 0, out.decode()


async def said_by_run(folder: Path, config: Path, *words: str) -> None:
    """Run until all words are in the log, then stop it as a service manager does."""
    path = folder / "run.log"
    with path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "run", "-c", str(config), stdout=log, stderr=log
        )
    try:
        await until(lambda: all(word in path.read_text() for word in words))
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0


def edited(installation: Installation, *changes: tuple[str, str]) -> Path:
    """The config with other values."""
    text = installation.path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    installation.path.write_text(text)
    return installation.path


async def test_a_good_installation_is_fit_to_run(installation: Installation) -> None:
    status, out = await postkamer("check", "-c", str(installation.path))
    assert (status, out.splitlines()[-1]) == (0, "fit to run")
    assert "registration installed, and the homeserver reaches us" in out


async def test_beside_a_running_one(installation: Installation, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    with path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "run", "-c", str(installation.path), stdout=log, stderr=log
        )
    try:
        await until(lambda: "ready" in path.read_text())
        status, out = await postkamer("check", "-c", str(installation.path))
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0
    assert status == 0, out
    assert "Postkamer runs on" in out


WRONG = {
    "homeserver unreachable": ("address: http", "address: http://127.0.0.1:9 # http"),
    "the homeserver does not know our as_token": ("as_token: ", "as_token: other"),
    "the homeserver shows another hs_token": ("hs_token: ", "hs_token: other"),
    "the homeserver has another `id`": ("hs_token: ", "id: another\n  hs_token: "),
}


@pytest.mark.parametrize("problem", WRONG)
async def test_check_and_run_name_what_is_wrong_with_the_homeserver(
    installation: Installation, tmp_path: Path, problem: str
) -> None:
    config = edited(installation, WRONG[problem])
    status, out = await postkamer("check", "-c", str(config))
    assert status == 1
    assert problem in out
    await said_by_run(tmp_path, config, problem)


async def test_another_server_name(installation: Installation) -> None:
    config = edited(installation, (f"server_name: {installation.synapse.server_name}", "server_name: other.example"))
    status, out = await postkamer("check", "-c", str(config))
    assert status == 1
    assert "make homeserver.server_name" in out


async def test_what_answers_is_no_homeserver(installation: Installation) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    port = free_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        config = edited(installation, (installation.synapse.url, f"http://127.0.0.1:{port}"))
        status, out = await postkamer("check", "-c", str(config))
    assert status == 1
    assert "is no Matrix homeserver" in out


@pytest.mark.parametrize("setting", ["appservice.listen", "monitoring.listen"])
async def test_a_port_that_is_taken(installation: Installation, setting: str) -> None:
    config = installation.config
    listen = config.appservice.listen if setting.startswith("appservice") else config.monitoring.listen
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((listen.host, listen.port))
        taken.listen()
        for command in ("check", "run"):
            status, out = await postkamer(command, "-c", str(installation.path))
            assert status == 1
            assert f"{setting}: cannot listen on {listen}" in out
        away = edited(installation, (installation.synapse.url, "http://127.0.0.1:9"))
        status, out = await postkamer("check", "-c", str(away))
        assert status == 1
        assert f"{setting}: cannot listen on {listen}" in out
        assert "homeserver unreachable" in out


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://a:zeer-geheim@127.0.0.1:9/b", "cannot be reached"),
        ("postgresql://postgres@/no_such_database?host=SOCKETS", "there is no database no_such_database"),
    ],
)
async def test_a_database_that_cannot_be_used(installation: Installation, url: str, problem: str) -> None:
    sockets = installation.database_url.partition("?host=")[2]
    user = installation.database_url.partition("://")[2].partition("@")[0]
    url = url.replace("SOCKETS", sockets).replace("postgres@", f"{user}@")
    config = edited(installation, (installation.database_url, url))
    for command in ("check", "run"):
        status, out = await postkamer(command, "-c", str(config))
        assert status == 1
        assert problem in out
        assert "zeer-geheim" not in out


async def test_five_mistakes_are_five_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "homeserver:\n  adress: http://x\n  server_name: 5\n"
        "appservice:\n  listen: nowhere\n  as_token: aaaaaaaaaaaaaaaaaaaa\n  hs_token: bbbbbbbbbbbbbbbbbbbb\n"
        "archive:\n  attempts: 0\n  redaction_retention: soon\n"
        "encryption:\n  pickle_key: cccccccccccccccccccc\n"
    )
    os.chmod(path, 0o600)  # noqa: PTH101
    for command in ("check", "run"):
        status, out = await postkamer(command, "-c", str(path))
        assert status == 1
        lines = [line for line in out.splitlines() if "(line " in line]
        assert [line.split()[0] for line in lines] == [
            "homeserver.adress",
            "homeserver.server_name",
            "appservice.listen",
            "archive.attempts",
            "archive.redaction_retention",
        ]
