"""The image, the compose files and the systemd unit, as far as they can be looked at without an engine."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from bridge import __version__
from bridge.cli import init, parser
from bridge.config.loader import load
from bridge.config.registration import differences, read
from bridge.search.extract import ocr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE = ("compose.trial.yaml", "compose.production.yaml")
OUR_IMAGE = f"postkamer:{__version__}"
# What IT makes, as docs/install.md says.
MADE_BY_IT = {"/etc/postkamer", "/etc/postkamer/database-url"}
SERVICE_KEYS = {
    "build", "image", "user", "network_mode", "entrypoint", "command", "healthcheck", "volumes", "restart",
    "depends_on", "environment", "ports", "stop_grace_period", "read_only", "tmpfs", "cap_drop", "security_opt",
    "secrets", "logging",
}  # fmt: skip


def compose(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(DOCKER / name)
    return loaded


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose(name)["services"]
    return found


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(source, target) of each volume of a service."""
    for volume in service.get("volumes", []):
        if isinstance(volume, dict):
            yield volume["source"], volume["target"]
        else:
            source, target, *_ = volume.split(":")
            yield source, target


def dockerfile() -> list[tuple[str, str]]:
    """(instruction, the rest of it), in order."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [(line.split()[0], line.partition(" ")[2]) for line in lines if line and not line.startswith("#")]


def ignored_patterns() -> list[str]:
    lines = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def parses(words: list[str]) -> None:
    """The words behind `postkamer` are a command that it knows."""
    assert parser((words[0],)).parse_args(words).command == words[0]


def test_what_the_image_copies_is_there_and_reaches_the_builder() -> None:
    patterns = ignored_patterns()
    copies = [rest.split() for name, rest in dockerfile() if name == "COPY" and not rest.startswith("--from")]
    sources = [source for words in copies for source in words[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in patterns, f"{source} is ignored"
    assert patterns[0] == "*"
    assert not [name for name in ("data", "config.yaml", "registration.yaml", ".git") if f"!{name}" in patterns]
    assert any(fnmatch("bridge/__pycache__", pattern.replace("**/", "*")) for pattern in patterns)


def test_what_the_build_needs_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["packages"],
        *wheel["force-include"],
        project["project"]["readme"],
        *project["project"]["license-files"],
    }
    copied = {word for name, rest in dockerfile() if name == "COPY" for word in rest.split()}
    assert all(name in copied or name.split("/")[0] in copied for name in needed)


def test_the_last_stage_is_small_and_not_root() -> None:
    instructions = dockerfile()
    last = max(number for number, (name, _) in enumerate(instructions) if name == "FROM")
    stage = instructions[last:]
    assert all(rest.split()[0] == instructions[0][1].split()[0] for name, rest in instructions if name == "FROM")
    assert [rest for name, rest in stage if name == "USER"] == ["postkamer"]
    assert not [rest for name, rest in stage if name == "RUN" and re.search(r"\bpip\b|curl|wget", rest)]
    user = next(number for number, (name, _) in enumerate(stage) if name == "USER")
    assert all(name != "RUN" for name, _ in stage[user:])
    assert any(name == "HEALTHCHECK" and "/health" in rest for name, rest in stage)


def test_the_image_can_read_scans() -> None:
    """The languages that are wanted, of one package each, and nothing else but the program."""
    instructions = dockerfile()
    last = max(number for number, (name, _) in enumerate(instructions) if name == "FROM")
    (installs,) = [rest for name, rest in instructions[last:] if name == "RUN" and "apt" in rest]
    update, install, clean = (step.split() for step in installs.split("&&"))
    assert update == ["apt-get", "update"]
    assert install[:4] == ["apt-get", "install", "--yes", "--no-install-recommends"]
    assert set(install[4:]) == {"tesseract-ocr", *(f"tesseract-ocr-{language}" for language in ocr.WANTED)}
    assert clean == ["rm", "-rf", "/var/lib/apt/lists/*"]


def test_the_image_runs_a_command_that_we_have() -> None:
    instructions = dict(dockerfile())
    assert json.loads(instructions["ENTRYPOINT"]) == ["postkamer"]
    parses(json.loads(instructions["CMD"]))


def test_the_commands_need_no_package_that_the_image_lacks() -> None:
    """The image is installed without the extras `demo` and `dev`."""
    source = """
import sys
for name in ("synapse", "fpdf", "openpyxl", "PIL", "pytest", "hypothesis", "psutil"):
    sys.modules[name] = None
from bridge.cli import init, parser
import bridge.app
print(parser().format_help())
"""
    assert "rebuild" in subprocess.check_output([sys.executable, "-c", source], text=True, timeout=60)


def test_images_are_pinned() -> None:
    images = [rest.split()[0] for name, rest in dockerfile() if name == "FROM"]
    for name in COMPOSE:
        images += [service["image"] for service in services(name).values()]
    for image in images:
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z-]+)?$", image), image


@pytest.mark.parametrize("name", COMPOSE)
def test_what_a_compose_file_names_is_there(name: str) -> None:
    whole = compose(name)
    assert set(whole) <= {"name", "services", "volumes", "secrets"}
    used = set()
    for service in whole["services"].values():
        assert set(service) <= SERVICE_KEYS
        for source, _ in mounts(service):
            if source.startswith("./"):
                assert (DOCKER / source).exists(), source
            elif source.startswith("/"):
                assert source in MADE_BY_IT
            else:
                used.add(source)
        assert set(service.get("depends_on", {})) <= set(whole["services"])
        assert set(service.get("secrets", [])) <= set(whole.get("secrets", {}))
        if "build" in service:
            assert service["image"] == OUR_IMAGE
            assert (DOCKER / service["build"]["context"]).resolve() == ROOT
            assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert used == set(whole["volumes"])
    assert {secret["file"] for secret in whole.get("secrets", {}).values()} <= MADE_BY_IT


@pytest.mark.parametrize("name", COMPOSE)
def test_services_are_watched_and_come_back(name: str) -> None:
    for service_name, service in services(name).items():
        if service_name == "setup":
            continue
        assert service["restart"] == "unless-stopped"
        assert "healthcheck" in service or service["image"] == OUR_IMAGE, f"{service_name} has no health check"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", COMPOSE)
def test_postkamer_has_few_rights_and_time_to_stop(name: str) -> None:
    service = services(name)["postkamer"]
    parses(service["command"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["stop_grace_period"] == "15s"
    assert "user" not in service
    config = Path(service["command"][2])
    assert any(config.is_relative_to(target) for _, target in mounts(service))


def test_the_trial_publishes_the_client_api_alone() -> None:
    published = {name: service["ports"] for name, service in services(COMPOSE[0]).items() if "ports" in service}
    assert published == {"synapse": ["127.0.0.1:8008:8008"]}


def setup_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trial_setup", DOCKER / "trial" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The volumes of the trial after its service `setup` has run twice."""
    monkeypatch.setattr(init, "_is_free", lambda _: True)  # as every port is in a fresh container
    volumes = [tmp_path / name for name in ("synapse", "postkamer", "database")]
    for volume in volumes:
        volume.mkdir()
    made = setup_module().main
    assert made(*volumes) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert made(*volumes) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    return tmp_path


def test_the_trial_is_set_up_from_nothing(trial: Path) -> None:
    files = [path for path in trial.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    config = load(trial / "postkamer" / "config.yaml")
    assert differences(config, read(trial / "synapse" / "registration.yaml")) == []
    assert config.database.url is not None
    password = (trial / "database" / "password").read_text(encoding="utf-8")
    assert config.database.url.reveal() == f"postgresql://postkamer:{password}@database:5432/postkamer"
    assert "database" in services(COMPOSE[0])
    assert config.homeserver.address == "http://synapse:8008"
    assert str(config.appservice.listen) == "postkamer:29350"
    assert str(config.monitoring.listen) == "127.0.0.1:39350"  # where the image's health check asks


# In a process of its own: Synapse warns of what is old in its libraries.
READ_SYNAPSE = """
import json, sys
from synapse.config.appservice import load_appservices
from synapse.config.homeserver import HomeServerConfig
config = HomeServerConfig.load_config("", ["-c", sys.argv[1]])
(ours,) = load_appservices(config.server.server_name, config.appservice.app_service_config_files)
database = config.database.databases[0].config["args"]
print(json.dumps({"server_name": config.server.server_name, "url": ours.url, "database": database}))
"""


def test_the_synapse_of_the_trial_takes_its_config(trial: Path) -> None:
    path = trial / "homeserver.yaml"
    text = (DOCKER / "trial" / "homeserver.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("/data/", f"{trial}/synapse/"), encoding="utf-8")
    found = json.loads(subprocess.check_output([sys.executable, "-c", READ_SYNAPSE, path], timeout=60))
    assert found["server_name"] == load(trial / "postkamer" / "config.yaml").homeserver.server_name
    assert found["url"] == "http://postkamer:29350"
    assert found["database"]["user"] == services(COMPOSE[0])["database"]["environment"]["POSTGRES_USER"]
    created = (DOCKER / "trial" / "synapse.sql").read_text(encoding="utf-8")
    assert f"CREATE DATABASE {found['database']['dbname']} " in created


def test_volumes_of_the_trial_meet_its_setup() -> None:
    """What setup.py writes into a volume is found by the others under the names that they use."""
    all_services = services(COMPOSE[0])
    where = dict(mounts(all_services["setup"]))
    assert all_services["setup"]["command"] == [where["synapse"], where["postkamer"], where["database-password"]]
    assert dict(mounts(all_services["synapse"]))["synapse"] == "/data"
    password = all_services["database"]["environment"]["POSTGRES_PASSWORD_FILE"]
    assert password == f"{dict(mounts(all_services['database']))['database-password']}/password"


def unit() -> dict[str, list[tuple[str, str]]]:
    sections: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in (DOCKER / "postkamer.service").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            current.append((key, value))
    return sections


def test_the_unit_starts_a_command_that_we_have() -> None:
    service = dict(unit()["Service"])
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "postkamer"
    parses(words)
    assert int(service["TimeoutStopSec"]) > 10
    assert service["Restart"] == "always"
    assert service["User"] != "root"
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectory"] == "postkamer"


def test_systemd_knows_the_words_of_the_unit(tmp_path: Path) -> None:
    sections = unit()
    assert set(sections) == {"Unit", "Service", "Install"}
    for entries in sections.values():
        keys = [key for key, _ in entries]
        assert len(keys) == len(set(keys))
        assert all(re.fullmatch("[A-Z][A-Za-z]+", key) for key in keys)
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    # It looks whether the program is there.
    copy = tmp_path / "postkamer.service"
    text = (DOCKER / "postkamer.service").read_text(encoding="utf-8")
    copy.write_text(text.replace("/opt/postkamer/bin/postkamer", "/bin/sh"), encoding="utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", copy], capture_output=True, text=True, check=False, timeout=60
    )
    about_it = [line for line in done.stderr.splitlines() if "postkamer.service" in line]
    assert about_it == []
