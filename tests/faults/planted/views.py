"""Planted in the views."""

from dataclasses import replace

import msgspec

from shared.domain.record import JobRecord
from tests.faults.history import History, Row
from tests.faults.planted.places import changed, record_of

OTHER = "99999999-9999-4999-8999-999999999999"


def behind(history: History) -> History:
    """A view that does not get to the end."""
    checkpoint = history.log[-1].sequence - 1
    return replace(history, views=changed(history.views, lambda _: True, checkpoint=checkpoint))


def no_row(history: History) -> History:
    """A job that a view does not have."""
    return replace(history, rows=history.rows[1:])


def row_of_nothing(history: History) -> History:
    """A job that only a view has."""
    record = msgspec.structs.replace(record_of(history.rows[0]), job_id=OTHER)
    return replace(history, rows=(*history.rows, _row(history.rows[0].view, record)))


def another_row(history: History) -> History:
    """A row that the log does not make."""
    record = msgspec.structs.replace(record_of(history.rows[0]), attempt=9)
    return replace(history, rows=(_row(history.rows[0].view, record), *history.rows[1:]))


def _row(view: str, record: JobRecord) -> Row:
    return Row(view=view, record=msgspec.Raw(msgspec.json.encode(record)))
