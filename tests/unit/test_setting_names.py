"""The list of names is what the program reads, so that a warning about an unknown one is always right."""

import re
from pathlib import Path

import msgspec
import pytest

from services.api.settings import ApiSettings
from services.executor.settings import ExecutorSettings
from services.notifier.settings import NotifierSettings
from services.projector.settings import ProjectorSettings
from shared.jetstream.permissions import RIGHTS
from shared.jetstream.stream_config import ProvisionSettings
from shared.settings import is_secret
from shared.settings.names import CLIENT, DEPLOYMENT, KNOWN, SECRET_FILES, SERVICES, unknown_in

ROOT = Path(__file__).parents[2]
KINDS = (ApiSettings, ExecutorSettings, NotifierSettings, ProjectorSettings, ProvisionSettings)
NAME = re.compile(r"HEADRACE_[A-Z0-9_]*[A-Z0-9]\b")


def read_in(*patterns: str) -> set[str]:
    files = [file for pattern in patterns for file in ROOT.glob(pattern)]
    assert files
    return {name for file in files if file.is_file() for name in NAME.findall(file.read_text())}


def test_each_service_has_a_port_of_its_own_by_default_which_the_pages_name() -> None:
    ports = {
        kind.__name__.removesuffix("Settings").lower(): field.default
        for kind in KINDS
        for field in msgspec.structs.fields(kind)
        if field.name.endswith("_port")
    }
    operations = (ROOT / "docs" / "operations.md").read_text()
    by_hand = (ROOT / "docs" / "by-hand.md").read_text()
    assert ports == {"api": 8070, "notifier": 8071, "executor": 8072, "projector": 8073}
    for service, port in ports.items():
        assert f"{port} ({service})" in operations
        assert f"| `python -m headrace.services.{service}` | 127.0.0.1:{port}" in by_hand


def test_the_services_names_are_their_fields() -> None:
    fields = [field for kind in KINDS for field in msgspec.structs.fields(kind)]
    assert {f"HEADRACE_{field.name.upper()}" for field in fields} == SERVICES
    assert {f"HEADRACE_{field.name.upper()}_FILE" for field in fields if is_secret(field)} == SECRET_FILES


def test_the_client_s_names_are_those_that_it_reads() -> None:
    folders = ("headrace/*.py", "headrace/cli/*.py", "headrace/client/*.py", "headrace/history/*.py")
    assert read_in(*folders) - SERVICES == CLIENT


def test_the_deployment_s_names_are_those_in_its_files() -> None:
    in_files = read_in("deploy/*", "deploy/inside/*", "deploy/systemd/*") - SERVICES - SECRET_FILES
    passwords = {f"HEADRACE_NATS_PASSWORD_{user.upper()}" for user in RIGHTS}
    assert in_files | passwords == DEPLOYMENT


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("HEADRACE_SLOT", "HEADRACE_SLOTS"),
        ("HEADRACE_WALL_MAX_MS", "HEADRACE_WALL_MS_MAX"),
        ("HEADRACE_TOKEN_SECERT_FILE", "HEADRACE_TOKEN_SECRET_FILE"),
        ("HEADRACE_MINIMAL_ISOLATION", "HEADRACE_MINIMUM_ISOLATION"),
        ("HEADRACE_NATS_USER_FILE", "HEADRACE_NATS_USER"),
        ("HEADRACE_NATS_URLS", "HEADRACE_NATS_URL"),
        ("HEADRACE_ZZZZZZ", None),
        ("HEADRACE_", None),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(misspelt: str, meant: str | None) -> None:
    assert list(unknown_in({misspelt, "PATH"})) == [(misspelt, meant)]


def test_what_another_part_reads_and_what_is_not_ours_is_silent() -> None:
    assert not list(unknown_in({*KNOWN, "PATH", "HEADRACES_SLOT", "headrace_slot"}))
