"""`postkamer init`: two files that fit together, readable by us alone, and never over existing ones."""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from bridge.cli import main
from bridge.cli.init import monitoring_port
from bridge.config.checks import HostPort
from bridge.config.loader import load, warnings
from bridge.config.registration import differences, read

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "postgresql://archive:hunter2@db.example.com/archive"


def init(folder: Path, *more: str) -> int:
    required = ["--homeserver", "http://127.0.0.1:8008/", "--server-name", "example.com"]
    return main(["init", "--dir", str(folder), *required, *more])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_files_that_fit_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    before = os.umask(0)
    try:
        assert init(folder, "--database", DATABASE, "--listen", "0.0.0.0:40123") == 0
    finally:
        os.umask(before)
    assert names(folder) == ["config.yaml", "registration.yaml"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    config = load(folder / "config.yaml")
    assert differences(config, read(folder / "registration.yaml")) == []
    assert warnings(folder / "config.yaml") == []
    assert config.homeserver.address == "http://127.0.0.1:8008"
    assert config.appservice.listen == HostPort("0.0.0.0", 40123)  # noqa: S104
    assert config.monitoring.listen.host == "127.0.0.1"
    assert config.data_dir == folder / "data"
    assert config.database.url is not None
    assert config.database.url.reveal() == DATABASE
    told = capsys.readouterr()
    assert told.err == ""
    for words in (
        "app_service_config_files",
        "restart Synapse",
        f"postkamer check -c {folder}",
        f"postkamer run -c {folder}",
    ):
        assert words in told.out
    for secret in ("hunter2", config.appservice.as_token.reveal(), config.encryption.pickle_key.reveal()):
        assert secret not in told.out


def test_secrets_are_fresh(tmp_path: Path) -> None:
    assert init(tmp_path / "a") == init(tmp_path / "b") == 0
    made = [load(tmp_path / name / "config.yaml") for name in "ab"]
    secrets = {
        secret.reveal()
        for one in made
        for secret in (one.appservice.as_token, one.appservice.hs_token, one.encryption.pickle_key)
    }
    assert len(secrets) == 6
    assert min(len(secret) for secret in secrets) >= 43  # 256 bits
    assert made[0].database.url is None


@pytest.mark.parametrize("name", ["config.yaml", "registration.yaml"])
def test_never_over_a_file(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    assert init(tmp_path) == 1
    assert names(tmp_path) == [name]
    assert f"{tmp_path / name} is there already" in capsys.readouterr().err


def test_a_folder_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert init(tmp_path / "file") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_nothing_is_left_when_the_second_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    calls: list[int] = []

    def fail(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    assert init(tmp_path) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "more",
    [
        ["--homeserver", "127.0.0.1:8008"],
        ["--server-name", "https://example.com"],
        ["--database", "mysql://archive:hunter2@db.example.com"],
        ["--database", "postgresql://archive:hunter2#@db"],
        ["--listen", "29350"],
        ["--port", "5"],
    ],
)
def test_wrong_use(tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        init(tmp_path / "x", *more)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert more[0] in told
    assert "hunter2" not in told
    assert not (tmp_path / "x").exists()


def test_port_of_monitoring() -> None:
    assert 45536 <= monitoring_port(55536) < 45636  # the first that is free
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        beside = port - 10_000 if port > 11_024 else port + 10_000
        assert monitoring_port(beside) > port
