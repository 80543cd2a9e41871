"""Logs say where something went wrong, and never quote what it was about."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from bridge import log as logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_is_its_classes_and_places(capsys: pytest.CaptureFixture[str], form: logs.Format) -> None:
    logs.configure("info", form)
    log = structlog.get_logger("bridge.test")
    try:
        try:
            int("zeer geheim bericht")
        except ValueError as error:
            raise RuntimeError("wachtwoord") from error
    except RuntimeError:
        log.exception("event failed", event_id="$1")
        logging.getLogger("library").exception("also")
    log.debug("not shown")
    out, err = capsys.readouterr()
    assert out == ""
    assert "geheim" not in err
    assert "wachtwoord" not in err
    assert "builtins.RuntimeError at test_log.py:" in err
    assert "builtins.ValueError at test_log.py:" in err
    assert "not shown" not in err
    if form == "json":
        first = json.loads(err.splitlines()[0])
        assert (first["event"], first["event_id"], first["level"]) == ("event failed", "$1", "error")
