"""Events of a conversation as `headrace events` shows them."""

from typing import Any

import pytest

from headrace.cli.render import event_fields
from shared.contract.codec import EventObject
from tests.builders import JOB, NOON


@pytest.mark.parametrize(
    ("kind", "data", "detail"),
    [
        ("input", {"content": "ada\n"}, "ada"),
        ("input", {"content": "\x1b[A"}, "\\x1b[A"),
        ("input", {"content": "", "secret": True, "length": 7}, "7 secret bytes"),
        ("input", {"content": "", "end": True}, "(the end)"),
        ("input", {"content": "x", "end": True}, "x (the end)"),
        ("resized", {"columns": 80, "rows": 24}, "80 x 24"),
        ("signalled", {"signal": "SIGINT"}, "SIGINT"),
    ],
)
def test_what_a_program_was_given_is_shown(kind: str, data: dict[str, Any], detail: str) -> None:
    event = EventObject(
        cursor="", type=f"job.{kind}.v1", job_id=JOB, time=NOON.isoformat(), stored_at=NOON, data=data
    )
    assert event_fields(event)[-1] == detail
