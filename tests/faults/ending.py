"""What is there when all is over: the log as it is read, and the rows of every view."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from services.projector.rows import decode_record, select_checkpoint
from shared.contract.subjects import JOBS_SUBJECTS
from shared.jetstream.event_log import Log
from tests.faults.fleet import Fleet
from tests.faults.history import Refused, Row, Stored, View
from tests.faults.history_file import Recorder
from tests.system.conftest import broker_of

VIEWS_WITHIN_S = 60.0


async def note_ending(fleet: Fleet, recorder: Recorder) -> None:
    """Read it all. The fleet must run, and nobody be disturbed any more."""
    log = await stored_log(fleet)
    for stored in log:
        recorder.note(stored)
    last = log[-1].sequence if log else 0
    for name, path in fleet.view_paths().items():
        await _caught_up(path, last)
        _note_view(name, path, recorder)
    for replica in fleet.of("executor"):
        for refused in refusals(replica.name, replica.log):
            recorder.note(refused)


async def stored_log(fleet: Fleet) -> list[Stored]:
    """Every message of the log."""
    async with broker_of(fleet.stack) as broker:
        return [
            Stored(
                sequence=entry.sequence,
                stored_at=entry.stored_at,
                subject=entry.subject,
                event=msgspec.Raw(entry.payload),
            )
            async for entry in Log(broker).replay(JOBS_SUBJECTS)
        ]


async def _caught_up(path: Path, last: int) -> None:
    """Wait for a view; one that never gets there is for the checker to tell."""
    with suppress(TimeoutError):
        async with asyncio.timeout(VIEWS_WITHIN_S):
            while checkpoint(path) < last:  # noqa: ASYNC110 - the view is a file
                await asyncio.sleep(0.05)


def checkpoint(path: Path) -> int:
    with closing(sqlite3.connect(path)) as view:
        return select_checkpoint(view).sequence


def _note_view(name: str, path: Path, recorder: Recorder) -> None:
    """Rows and checkpoint of one moment."""
    with closing(sqlite3.connect(path)) as view:
        view.execute("BEGIN")
        recorder.note(View(name=name, checkpoint=select_checkpoint(view).sequence))
        for record, program, result in view.execute("SELECT record, program, result FROM jobs"):
            whole = msgspec.json.encode(decode_record(record, program, result))
            recorder.note(Row(view=name, record=msgspec.Raw(whole)))


def refusals(executor: str, log: Path) -> Iterator[Refused]:
    """What an executor says of late results, in its log lines."""
    for line in log.read_bytes().splitlines():
        if b'"outcome_fenced"' not in line:
            continue
        told = json.loads(line)
        yield Refused(executor=executor, job_id=told["job_id"], attempt=told["attempt"])
