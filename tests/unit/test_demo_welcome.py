"""What the demo prints at the end: commands that do what they seem to do, wherever the demo is."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from bridge.cli import parser
from bridge.demo.program import Options, welcome
from bridge.demo.synapse import LocalSynapse

BOT = "@postkamer:postkamer.example"


@pytest.mark.parametrize("folder", [Path("demo-data"), Path("/srv/my demo's data")])
def test_the_printed_commands_can_be_pasted(folder: Path) -> None:
    options = Options(folder=folder, seed=0, messages=None, leave=False, command="/opt/my tools/postkamer")
    synapse = LocalSynapse(folder / "synapse", server_name="postkamer.example", port=8008, registrations=())
    text = welcome(options, synapse, bot=BOT, password="demo-123")
    commands = [shlex.split(line) for line in text.splitlines() if " -c " in line]
    assert {words[0] for words in commands} == {"/opt/my tools/postkamer"}
    parsed = [parser().parse_args([word for word in words[1:] if word not in ("|", "less")]) for words in commands]
    assert {args.config for args in parsed} == {folder / "postkamer" / "config.yaml"}
    # Without the slash `export` writes a file when there is no such folder, and leaves the attachments out.
    assert [args.output for args in parsed if getattr(args, "output", None)] == [f"{folder}/export/"]


def test_the_text_says_where_the_rooms_are_and_whom_to_invite() -> None:
    options = Options(folder=Path("d"), seed=0, messages=None, leave=False, command="postkamer")
    synapse = LocalSynapse(Path("d"), server_name="postkamer.example", port=8008, registrations=())
    text = welcome(options, synapse, bot=BOT, password="demo-123")
    assert 'in the space "Van Dijk Machinebouw"' in text
    assert f"Invite {BOT} to an encrypted room of your own" in text.replace("\n", " ")
    assert max(map(len, text.splitlines())) <= 80
