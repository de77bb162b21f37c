"""Every row of docs/bounds names a bound, a setting that exists or `fixed`, and tests that exist."""

import re
from pathlib import Path

import pytest

from shared.domain.events import Limits
from tests.unit.bounds.table import PAGES, ROOT, Row, rows_of

SETTINGS = (ROOT / "docs" / "settings.md").read_text()
ALL = [
    pytest.param(row, id=f"{page.stem}-{place}")
    for page in sorted(PAGES.glob("*.md"))
    for place, row in enumerate(rows_of(page))
]


@pytest.mark.parametrize("row", ALL)
def test_a_row_leads_to_its_setting_and_its_tests(row: Row) -> None:
    assert row.names
    assert row.bound
    assert row.settings or row.is_fixed
    for setting in row.settings:
        known = setting in Limits.__struct_fields__ or f"| `{setting}` |" in SETTINGS
        assert known or is_sandbox_setting(setting), setting
    assert row.tests
    for test in row.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), test
        if name:
            function = re.escape(name.partition("[")[0])
            assert re.search(rf"^(async )?def {function}\(", (ROOT / path).read_text(), re.MULTILINE), test


def is_sandbox_setting(name: str) -> bool:
    """Settings of the sandbox are no environment variables; they stand in its settings module."""
    text = Path(ROOT / "services" / "executor" / "sandbox" / "settings.py").read_text()
    return f"    {name}: " in text


def test_a_page_without_a_table_is_noticed() -> None:
    for page in PAGES.glob("*.md"):
        assert page.name == "README.md" or rows_of(page), page
