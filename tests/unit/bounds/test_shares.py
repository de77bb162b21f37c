"""docs/bounds/shares.md misses no store and no place: counted against streams, settings and code."""

import re

import msgspec

from services.api.settings import ApiSettings
from services.executor.settings import ExecutorSettings
from services.notifier.settings import NotifierSettings
from shared.auth import SHARE_CLAIMS
from shared.jetstream.stream_config import ProvisionSettings, streams
from tests.unit.bounds.table import PAGES, ROOT, rows_of

ROWS = rows_of(PAGES / "shares.md")
NAMES = {name for row in ROWS for name in row.names}
BEFORE_TOKENS = rows_of(PAGES / "connections.md")
"""Shares of connections and bodies of requests stand there."""
SETTINGS = {setting for row in (*ROWS, *BEFORE_TOKENS) for setting in row.settings}
BOUNDS = re.compile(r".*_max|user_.*|.*_bytes|backlog.*|sessions.*|unfinished.*|held.*|slots")
OF_ONE_REQUEST = {
    "body_bytes_max",
    "wait_s_max",
    *(f"{limit}_max" for limit in ("wall_ms", "cpu_ms", "memory_bytes", "processes", "disk_bytes")),
    *("output_bytes_max", "files_open_max", "stack_bytes_max", "address_space_bytes_max"),
    "attempts_max",
    *("interactive_wall_ms_max", "idle_s_max", "interactive_output_bytes"),
}
"""They bound one request or one job, whosever it is."""


def test_every_stream_has_its_row() -> None:
    assert {stream["name"] for stream in streams(ProvisionSettings())} - NAMES == set()


def test_every_setting_that_bounds_what_users_hold_is_in_a_row() -> None:
    kinds = (ApiSettings, ExecutorSettings, NotifierSettings, ProvisionSettings)
    fields = {field.name for kind in kinds for field in msgspec.structs.fields(kind)}
    bounds = {name for name in fields if BOUNDS.fullmatch(name)} - OF_ONE_REQUEST
    assert len(bounds) > 20
    assert {f"HEADRACE_{name.upper()}" for name in bounds} - SETTINGS == set()


def test_every_claim_is_told() -> None:
    text = (PAGES / "shares.md").read_text()
    for claim in SHARE_CLAIMS:
        assert f"claim `{claim}`" in text


def test_whatever_is_refused_for_a_share_has_its_row() -> None:
    counted = re.compile(r'(?:REFUSED|SHARES_REFUSED)\.labels\((?:why|store)="(\w+)"\)|name="(log|sessions)"')
    found = {
        word
        for path in (ROOT / "services").rglob("*.py")
        for words in counted.findall(path.read_text())
        for word in words
        if word
    }
    assert {"waits", "connections", "artifacts", "log", "feed"} <= found
    assert found - NAMES - {name for row in BEFORE_TOKENS for name in row.names} == set()
