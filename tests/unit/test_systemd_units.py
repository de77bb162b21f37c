"""The units of deploy/systemd: what systemd says of them, and that services get no more than they need."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from headrace.local.nats_server import find_binary
from headrace.local.supervisor import FACING_CLIENTS
from services.api.settings import ApiSettings
from services.executor.settings import ExecutorSettings
from services.notifier.settings import NotifierSettings
from services.projector.settings import ProjectorSettings
from shared.jetstream.stream_config import ProvisionSettings
from shared.settings import Settings, load
from tests.units import PREFIX, UNITS, Unit, read_unit, read_units

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")

PAGE = (Path(__file__).parents[2] / "docs" / "by-hand.md").read_text()
SERVICES = UNITS.parent / "services.yaml"
ALL = read_units()
READS: dict[str, type[Settings]] = {
    "provision": ProvisionSettings,
    "api": ApiSettings,
    "notifier": NotifierSettings,
    "projector": ProjectorSettings,
    "executor": ExecutorSettings,
}
MODULES = {"provision": "headrace.shared.provision"}
EXPOSURE_MAX = dict.fromkeys(ALL, 20) | {"executor": 70}
"""In tenths, of 100: what `systemd-analyze security` may find left open."""
NO_NEW_PRIVILEGES = re.compile(
    "DynamicUser|LockPersonality|MemoryDenyWriteExecute|NoNewPrivileges|PrivateDevices|Protect(Clock|Hostname|Kernel)"
    "|Restrict(AddressFamilies|FileSystems|Namespaces|Realtime|SUIDSGID)|SystemCall"
)
"""What implies it for a user without capabilities (systemd.exec(5)); newuidmap is setuid."""


def analyzed(*arguments: str) -> str:
    """What it says. Fails if it finds a fault."""
    assert ANALYZE is not None
    done = subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with the programs where they look for them, but below a directory of this test."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "bin" / "nats-server").symlink_to(find_binary())
    for path in UNITS.glob("*.service"):
        (tmp_path / path.name).write_text(path.read_text().replace(PREFIX, f"{tmp_path}/bin/"))
    return tmp_path


def verified(installed: Path) -> str:
    return analyzed("verify", "--man=no", *map(str, sorted(installed.glob("*.service"))))


@needs_systemd
def test_systemd_finds_nothing_wrong_with_them(installed: Path) -> None:
    assert str(installed) not in verified(installed)
    unit = installed / "headrace-api.service"
    unit.write_text(unit.read_text().replace("UMask=", "Umask="))
    assert "Umask" in verified(installed)


@needs_systemd
@pytest.mark.parametrize("name", ALL)
def test_little_is_left_open(installed: Path, name: str) -> None:
    analyzed(
        *("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX[name]}"),
        str(installed / f"headrace-{name}.service"),
    )


def test_there_is_one_for_each_part_and_the_page_starts_all() -> None:
    assert ALL.keys() == READS.keys() | {"nats"}
    started = re.findall(r"systemctl enable --now (.+)", PAGE)
    assert [set(line.split()) for line in started] == [{f"headrace-{name}" for name in ALL}]
    for name, unit in ALL.items():
        module = MODULES.get(name, f"headrace.services.{name}")
        assert name == "nats" or unit.command == ["python", "-m", module]
        assert f"| `headrace-{name}` | `{' '.join(unit.command[:3])}" in PAGE


@pytest.mark.parametrize("name", READS)
def test_a_service_starts_with_what_its_unit_tells_it(tmp_path: Path, name: str) -> None:
    for file in ALL[name].credentials:
        (tmp_path / file).write_text("s" * 40)
    environment = ALL[name].environment(str(tmp_path))
    settings: Any = load(READS[name], environment)
    assert settings.nats_password == "s" * 40
    names = {f"HEADRACE_{field.name.upper()}" for field in msgspec.structs.fields(READS[name])}
    told = {variable.removesuffix("_FILE") for variable in environment}
    assert told <= names | {"XDG_RUNTIME_DIR"}


@pytest.mark.parametrize("name", READS)
def test_it_is_given_the_secrets_of_its_container_and_no_other(name: str) -> None:
    containers = yaml.safe_load(SERVICES.read_text())["services"]
    container = containers["provision" if name == "provision" else name]
    given = {Path(path).name for path in ALL[name].credentials.values()}
    assert given == set(container["secrets"])
    assert ("token_secret" in given) == (name in FACING_CLIENTS)


def test_no_address_is_another_unit_s() -> None:
    ports = [
        value
        for unit in ALL.values()
        for variable, value in unit.environment("/x").items()
        if variable.endswith("_PORT")
    ]
    assert len(set(ports)) == len(ports) == 4
    for port in ports:
        assert f"127.0.0.1:{port}" in PAGE


@pytest.mark.parametrize("unit", ALL.values(), ids=list(ALL))
def test_what_is_wrong_for_good_is_not_tried_again(unit: Unit) -> None:
    assert unit.name == "nats" or unit.keys["RestartPreventExitStatus"] == ["2"]
    assert unit.keys["StartLimitIntervalSec"] == ["0"]
    if unit.name != "executor":
        assert unit.keys["DynamicUser"] == ["yes"]
        assert unit.keys["CapabilityBoundingSet"] == [""]


def test_the_executor_keeps_what_its_cells_take() -> None:
    keys = ALL["executor"].keys
    assert keys["Delegate"] == ["yes"]
    assert keys["OOMPolicy"] == ["continue"]
    assert keys["KillMode"] == ["mixed"]
    # Tried with newuidmap of Debian 12 as an ordinary user: without one of them it fails.
    assert keys["CapabilityBoundingSet"] == ["CAP_SETUID CAP_SETGID CAP_DAC_OVERRIDE CAP_SYS_ADMIN"]
    assert [key for key in keys if NO_NEW_PRIVILEGES.match(key)] == []
    assert [key for key in ALL["api"].keys if NO_NEW_PRIVILEGES.match(key)]


def test_the_drop_in_gives_the_previous_secret_as_a_setting_that_there_is(tmp_path: Path) -> None:
    drop_in = read_unit(UNITS / "rotate.conf")
    for file in {**ALL["api"].credentials, **drop_in.credentials}:
        (tmp_path / file).write_text(file * 5)
    told = ALL["api"].environment(str(tmp_path)) | drop_in.environment(str(tmp_path))
    assert load(ApiSettings, told).token_secret_previous == "token_secret_previous" * 5
