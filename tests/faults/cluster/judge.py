"""What must be true at the end, whatever was killed: judged by the log, and what was shown of it.

Nothing accepted is lost, nothing happened twice, every subscription's events are the log's, and every view
is the fold of the log.
"""

import asyncio
import contextlib
import sqlite3
import sys
from collections import defaultdict
from pathlib import Path

import msgspec

from shared.contract.codec import event_object
from shared.contract.subjects import FEED, JOBS_SUBJECTS, user_events, user_notes
from shared.domain.events import Event, JobQueued, JobRunning, Terminal
from shared.jetstream.event_log import Log
from shared.jetstream.stored_message import Entry
from tests.faults.cluster.fleet import Fleet
from tests.faults.cluster.load import Load, User
from tests.faults.cluster.servers import PAUSE_S
from tests.faults.resume_checker import OUTPUT, Shown, Truth, check


async def judge(fleet: Fleet, load: Load) -> None:
    """Raise AssertionError for whatever is not as promised."""
    async with fleet.cluster.broker() as broker:
        log = Log(broker)
        entries = [entry async for entry in log.replay(JOBS_SUBJECTS)]
        for user in load.users:
            await _judge_user(log, user)
    stories: dict[str, list[Event]] = defaultdict(list)
    for entry in entries:
        stories[entry.event().job_id].append(entry.event())
    for user in load.users:
        assert len(set(user.accepted)) == len(user.accepted)
        for job_id in user.accepted:
            _judge_story(stories[job_id])
    named = {user.name for user in load.users}
    of_users = {job for job, story in stories.items() if story[0].user_id in named}
    assert of_users == {job for user in load.users for job in user.accepted}


def _judge_story(story: list[Event]) -> None:
    """One job: queued first and once, attempts in order, one end and nothing after it."""
    kinds = [type(event).__name__ for event in story]
    assert isinstance(story[0], JobQueued), kinds
    assert kinds.count("JobQueued") == 1, kinds
    assert isinstance(story[-1], Terminal), kinds
    assert sum(isinstance(event, Terminal) for event in story) == 1, kinds
    attempts = [event.attempt for event in story if isinstance(event, JobRunning)]
    assert attempts == list(range(1, len(attempts) + 1)), kinds


async def _judge_user(log: Log, user: User) -> None:
    """What was shown to the user is the log's, event for event.

    Notes may be missing where the feed could not be read in time; what is shown of them is right.
    """
    events = [_shown(entry, entry.sequence) async for entry in log.replay(user_events(user.name))]
    seen = {_note(event) for event in user.shown if "seq" not in event and event["type"] != OUTPUT}
    stored = [_shown(entry) async for entry in log.replay(user_notes(user.name), stream=FEED)]
    notes = [note for note in stored if _note(note) in seen]
    found = check(user.shown, Truth(events, notes, feed_is_whole=False))
    assert found == [], f"{user.name}: {found[:5]}"


def _note(shown: Shown) -> str:
    return repr((shown["type"], shown["job_id"], shown["time"], shown["data"]))


def _shown(entry: Entry, seq: int | None = None) -> Shown:
    shown = event_object(entry.payload, cursor="", stored_at=entry.stored_at, seq=seq)
    found: Shown = msgspec.to_builtins(shown)
    return found


async def judge_views(fleet: Fleet, directory: Path) -> None:
    """Each live view has the rows of one that is made anew from the log."""
    last = (await fleet.cluster.state())["state"]["last_seq"]
    views = [service.view for service in fleet.of("projector")]
    for view in views:
        while await asyncio.to_thread(_checkpoint, view) < last:  # noqa: ASYNC110 - it is a file
            await asyncio.sleep(PAUSE_S)
    anew = directory / "anew.sqlite"
    rebuilding = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.projector", "rebuild"),
        env={**fleet.environment, "HEADRACE_VIEW_PATH": str(anew)},
    )
    assert await rebuilding.wait() == 0
    rows = await asyncio.to_thread(_rows, anew)
    assert rows["jobs"]
    for view in views:
        assert await asyncio.to_thread(_rows, view) == rows


def _checkpoint(view: Path) -> int:
    with contextlib.closing(sqlite3.connect(view)) as database:
        ((sequence,),) = database.execute("SELECT sequence FROM checkpoint").fetchall()
        return int(sequence)


def _rows(view: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in order."""
    with contextlib.closing(sqlite3.connect(view)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608 - its own tables
            for name in names
        }
