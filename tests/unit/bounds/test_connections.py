"""docs/bounds/connections.md has a row for every refusal, setting and constant that bounds a connection."""

import ast

import pytest

from services.api.settings import ApiSettings
from shared.service.http_server import refusals
from shared.settings import BrokerSettings, HttpSettings
from tests.unit.bounds.table import PAGES, ROOT, names_of, rows_of

PAGE = PAGES / "connections.md"
BOUNDING = ("_MAX", "_BYTES", "_S", "_BITS", "_FACTOR", "_BURST", "_KEPT")
MODULES = (
    *sorted((ROOT / "shared" / "service" / "http_server").glob("*.py")),
    ROOT / "services" / "notifier" / "transports" / "websocket" / "protocol.py",
    *sorted((ROOT / "services" / "api" / "events_tunnel").glob("*.py")),
)
NO_BOUNDS = {"RETRY_AFTER_S", "HOST_BYTES_MAX", "PORT_MAX", "TCP_INFO_BYTES"}
"""What is told to a client, and what DNS, TCP and the kernel define."""


def settings() -> set[str]:
    """Every setting of the server itself, and those of bodies."""
    own = set(HttpSettings.__struct_fields__) - set(BrokerSettings.__struct_fields__)
    return own | {name for name in ApiSettings.__struct_fields__ if "bod" in name}


def constants() -> set[str]:
    """Every constant of the server that is named like a bound."""
    found: set[str] = set()
    for module in MODULES:
        for node in ast.parse(module.read_text()).body:
            is_number = isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call)
            targets = node.targets if isinstance(node, ast.Assign) and is_number else []
            found |= {one.id for one in targets if isinstance(one, ast.Name) and one.id.endswith(BOUNDING)}
    return found - NO_BOUNDS


@pytest.mark.parametrize("refusal", refusals.ALL, ids=lambda refusal: refusal.why)
def test_every_refusal_has_a_row(refusal: refusals.Refusal) -> None:
    assert refusal.why in names_of(PAGE)


def test_every_refusal_is_counted_here() -> None:
    named = {one.why for one in vars(refusals).values() if isinstance(one, refusals.Refusal)}
    assert named == {one.why for one in refusals.ALL}


def test_every_setting_has_a_row() -> None:
    told = {setting.removeprefix("HEADRACE_").lower() for row in rows_of(PAGE) for setting in row.settings}
    assert settings() <= told


def test_every_constant_has_a_row() -> None:
    assert len(constants()) > 10
    assert constants() <= names_of(PAGE)
