"""Each row of each view is the fold of its job's events, and there is one for every job."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from shared.domain.record import JobRecord
from tests.faults.history import Row, View
from tests.faults.rules.story import Story
from tests.faults.rules.violation import Violation


def check_views(views: tuple[View, ...], rows: tuple[Row, ...], story: Story) -> Iterator[Violation]:
    """Every view against the log."""
    last = story.facts[-1].sequence if story.facts else 0
    by_view: dict[str, dict[str, JobRecord]] = defaultdict(dict)
    for row in rows:
        record = msgspec.json.decode(row.record, type=JobRecord)
        by_view[row.view][record.job_id] = record
    for view in views:
        if view.checkpoint < last:
            yield Violation("view_behind", None, f"{view.name} is at {view.checkpoint} of {last}")
        yield from _check_rows(view, by_view[view.name], story)


def _check_rows(view: View, rows: dict[str, JobRecord], story: Story) -> Iterator[Violation]:
    for job_id, told in story.newest.items():
        if told.queued_sequence > view.checkpoint:
            continue
        if job_id not in rows:
            yield Violation("view_missing", job_id, f"{view.name} has no row")
        elif rows[job_id] != told and told.last_sequence <= view.checkpoint:
            evidence = f"{view.name}: {rows[job_id].status} at {rows[job_id].last_sequence}"
            yield Violation(
                "view_differs", job_id, f"{evidence}; the log: {told.status} at {told.last_sequence}"
            )
    for job_id in rows.keys() - story.newest.keys():
        yield Violation("view_extra", job_id, f"{view.name} has a row of a job that the log does not know")
