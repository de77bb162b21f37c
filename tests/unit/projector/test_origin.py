"""When a view belongs to another log than the one that is there."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.projector.log_identity import LogState, mismatch_reason
from services.projector.rows import Checkpoint
from services.projector.settings import TOMBSTONE_S
from tests import builders

CREATED = "2026-01-01T00:00:00.123456789Z"
VIEW = Checkpoint(100, builders.NOON, CREATED)
LOG = LogState(
    CREATED,
    first_sequence=1,
    last_sequence=100,
    stored_at=builders.NOON,
    next_stored_at=None,
    now=builders.NOON,
)
LATE = builders.NOON + timedelta(seconds=TOMBSTONE_S)


@pytest.mark.parametrize(
    ("view", "log"),
    [
        pytest.param(VIEW, LOG, id="in step"),
        pytest.param(VIEW, replace(LOG, last_sequence=200), id="behind"),
        pytest.param(
            VIEW,
            replace(LOG, first_sequence=102, last_sequence=110, stored_at=None),
            id="behind, and what it has not read has left, but no tombstone",
        ),
        pytest.param(
            VIEW,
            replace(LOG, last_sequence=101, next_stored_at=LATE - timedelta(seconds=1), now=LATE),
            id="long silence, then a new entry",
        ),
        pytest.param(VIEW, replace(LOG, now=LATE), id="long silence"),
        pytest.param(VIEW, replace(LOG, first_sequence=101, stored_at=None), id="all that was read has left"),
        pytest.param(VIEW, replace(LOG, first_sequence=50), id="a part has left"),
        pytest.param(
            Checkpoint(0, None, CREATED),
            replace(LOG, first_sequence=50, stored_at=None),
            id="nothing was read and the beginning has left",
        ),
    ],
)
def test_goes_on_with_the_same_log(view: Checkpoint, log: LogState) -> None:
    assert mismatch_reason(view, log) is None


@pytest.mark.parametrize(
    ("view", "log", "why"),
    [
        pytest.param(Checkpoint(0, None, None), LOG, "new", id="a new view"),
        pytest.param(VIEW, replace(LOG, created="2026-01-02T00:00:00Z"), "created anew", id="created anew"),
        pytest.param(
            VIEW, replace(LOG, last_sequence=99, stored_at=None), "ends at 99", id="its end is lost"
        ),
        pytest.param(
            VIEW,
            replace(LOG, stored_at=builders.NOON + timedelta(microseconds=1)),
            "another one",
            id="its end was lost and written again",
        ),
        pytest.param(
            VIEW,
            replace(LOG, last_sequence=110, now=LATE),
            "may have left",
            id="a tombstone may have left before it was read",
        ),
        pytest.param(
            VIEW,
            replace(LOG, last_sequence=110, next_stored_at=builders.NOON, now=LATE),
            "may have left",
            id="a tombstone after the next entry may have left",
        ),
    ],
)
def test_starts_over_with_another_log(view: Checkpoint, log: LogState, why: str) -> None:
    assert why in (mismatch_reason(view, log) or "")
