"""A history file that was damaged, cut off, reordered, or edited is noticed, whatever the trailer says."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.client.errors import UnreachableError
from headrace.history.check import Comparison, check_history
from headrace.history.file import DamagedError, Header, HistoryFileError, write_history
from shared.contract.codec import EventObject
from shared.domain.events import Event
from tests import builders
from tests.unit.test_replay import each, shown

MADE_AT = builders.NOON + timedelta(hours=1)
SECOND = builders.job_id()
Lines = list[bytes]
STEP = 7
"""Bytes between the places that are damaged."""


def events() -> list[EventObject]:
    """Sequences with gaps, as one user's are."""
    told: tuple[Event, ...] = (
        builders.queued(),
        builders.running(),
        builders.queued(SECOND),
        builders.running(attempt=2),
        builders.completed(attempt=2),
        builders.running(SECOND),
    )
    return [
        shown(event, 3 * number, builders.NOON + timedelta(seconds=number))
        for number, event in enumerate(told, start=1)
    ]


async def write(path: Path, found: Iterable[EventObject] = (), **header: Any) -> Lines:  # noqa: ANN401 - fields
    await write_history(path, Header(made_at=MADE_AT, **header), each(found or events()), force=True)
    return taken(path)


def put(path: Path, lines: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(lines))


def taken(path: Path) -> Lines:
    return path.read_bytes().splitlines(keepends=True)


def beside(path: Path) -> list[Path]:
    """All that its folder holds, itself included."""
    return list(path.parent.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.ndjson"


def sealed(lines: Lines) -> Lines:
    """With a trailer that agrees, as an editor who knows the format would make."""
    *kept, _ = lines
    trailer = {"events": len(kept) - 1, "sha256": hashlib.sha256(b"".join(kept)).hexdigest()}
    return [*kept, json.dumps(trailer).encode() + b"\n"]


def edited(line: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(line)
    change(document)
    return json.dumps(document).encode() + b"\n"


async def test_what_was_written_is_whole(path: Path) -> None:
    lines = await write(path)
    header = json.loads(lines[0])
    assert (header["format"], header["version"]) == ("headrace-history", 1)
    assert (header["user"], header["all"]) == ("alice", False)
    assert json.loads(lines[-1]) == {
        "events": 6,
        "sha256": hashlib.sha256(b"".join(lines[:-1])).hexdigest(),
    }
    checked = check_history(path)
    assert (checked.events, checked.jobs, checked.finished) == (6, 2, 1)
    assert (checked.first_seq, checked.last_seq, checked.begun_before) == (3, 18, 0)


async def test_a_history_of_nothing_is_whole_too(path: Path) -> None:
    await write_history(path, Header(made_at=MADE_AT), each([]))
    assert check_history(path).events == 0


@pytest.mark.parametrize("first", range(1, 6))
async def test_a_history_may_begin_in_the_middle_of_a_job(path: Path, first: int) -> None:
    since = events()[first].stored_at
    await write(path, events()[first:], stored_from=since)
    checked = check_history(path)
    assert checked.events == 6 - first
    assert checked.begun_before > 0


class TestDamage:
    """Each is noticed by the digest, and most by a rule with the line where it is broken."""

    async def test_a_bit_anywhere_counts(self, path: Path) -> None:
        whole = b"".join(await write(path))
        for place in range(0, len(whole), STEP):
            put(path, [whole[:place], bytes([whole[place] ^ 1]), whole[place + 1 :]])
            with pytest.raises(DamagedError):
                check_history(path)

    async def test_wherever_it_is_cut_off_counts(self, path: Path) -> None:
        whole = b"".join(await write(path))
        for length in range(0, len(whole), STEP):
            put(path, [whole[:length]])
            with pytest.raises(DamagedError):
                check_history(path)

    async def test_every_line_that_is_left_out_or_comes_twice_counts(self, path: Path) -> None:
        lines = await write(path)
        for number in range(len(lines)):
            for changed in (
                lines[:number] + lines[number + 1 :],
                lines[: number + 1] + lines[number:],
                [*lines, lines[number]],
            ):
                put(path, changed)
                with pytest.raises(DamagedError):
                    check_history(path)

    async def test_every_two_lines_that_change_places_count(self, path: Path) -> None:
        lines = await write(path)
        for number in range(len(lines) - 1):
            changed = [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]
            put(path, changed)
            with pytest.raises(DamagedError):
                check_history(path)


class TestEdits:
    """By somebody who makes the trailer anew: the rules tell what a digest cannot."""

    @pytest.mark.parametrize(
        ("change", "line", "why"),
        [
            (lambda lines: [*lines[:2], *lines[3:]], 4, "JobRunning cannot follow Queued"),
            (lambda lines: [lines[0], *lines[2:]], 2, "JobRunning cannot follow NoJob"),
            (lambda lines: [*lines[:3], lines[2], *lines[3:]], 4, "event 6 comes again"),
            (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], 4, "event 6 comes after 9"),
            (lambda lines: [*lines[:2], b"{}\n", *lines[2:]], 3, "not a EventObject"),
            (lambda lines: [*lines[:2], b"\n", *lines[2:]], 3, "not a EventObject"),
        ],
    )
    async def test_lines(self, path: Path, change: Callable[[Lines], Lines], line: int, why: str) -> None:
        put(path, sealed(change(await write(path))))
        with pytest.raises(DamagedError, match=why) as damaged:
            check_history(path)
        assert damaged.value.line == line

    @pytest.mark.parametrize(
        ("number", "change", "why"),
        [
            (0, lambda it: it.update(format="tar"), "the format is 'tar'"),
            (0, lambda it: it.update(version=2), "the version is 2"),
            (0, lambda it: it.update(user="bob"), "an event of 'alice' in the history of 'bob'"),
            (0, lambda it: it.update(more=1), "not a Header"),
            (0, lambda it: it.update(to="2026-01-02T12:00:03Z"), "outside the time"),
            (0, lambda it: it.update({"from": "2026-01-02T12:00:03Z"}), "outside the time"),
            (2, lambda it: it.pop("seq"), "without its place"),
            (2, lambda it: it.update(seq=-6), "without its place"),
            (2, lambda it: it.update(seq=7), "cursor of event 7"),
            (2, lambda it: it.update(stored_at="2026-01-02T12:00:02Z"), "cursor of event 6"),
            (2, lambda it: it.update(type="job.paused.v1"), "a job.paused.v1, is not one of this version"),
            (2, lambda it: it.update(job_id=SECOND), "cannot follow NoJob"),
            (2, lambda it: it["data"].update(attempt=2), "JobRunning cannot follow Queued"),
            (5, lambda it: it["data"].update(attempt=1), "JobCompleted cannot follow Running"),
            (5, lambda it: it["data"].update(user_id="bob"), "an event of 'bob'"),
        ],
    )
    async def test_fields(
        self, path: Path, number: int, change: Callable[[dict[str, Any]], object], why: str
    ) -> None:
        lines = await write(path)
        lines[number] = edited(lines[number], change)
        put(path, sealed(lines))
        with pytest.raises(DamagedError, match=why) as damaged:
            check_history(path)
        if number:
            assert damaged.value.line == number + 1

    async def test_what_no_rule_forbids_is_found_in_the_log(self, path: Path) -> None:
        lines = await write(path)
        lines[5] = edited(lines[5], lambda it: it["data"]["result"].update(exit_code=7))
        put(path, sealed(lines))
        found = await Comparison(path).compare(each(events()))
        assert found.same == 5
        assert found.differences == ("line 6: event 15 differs from the log's",)


class TestAgainstTheLog:
    """What the log says of a file that is whole."""

    async def test_the_same(self, path: Path) -> None:
        await write(path)
        found = await Comparison(path).compare(each(events()))
        assert (found.same, found.expired_events, found.differences_count) == (6, 0, 0)

    async def test_what_was_stored_since_is_no_difference(self, path: Path) -> None:
        await write(path, events()[:4])
        assert (await Comparison(path).compare(each(events()))).differences_count == 0

    async def test_jobs_that_have_left_altogether_have_expired(self, path: Path) -> None:
        await write(path)
        log = [event for event in events() if event.job_id == SECOND]
        found = await Comparison(path).compare(each(log))
        assert (found.same, found.expired_events, found.expired_jobs) == (2, 4, 1)
        assert found.differences_count == 0

    @pytest.mark.parametrize("gone", range(6))
    async def test_one_event_that_is_gone_is_missing(self, path: Path, gone: int) -> None:
        await write(path)
        found = await Comparison(path).compare(each(events()[:gone] + events()[gone + 1 :]))
        assert found.same == 5
        assert "is missing from the log, which has others of its job" in found.differences[0]
        assert found.differences[0].startswith(f"line {gone + 2}: event {3 * gone + 3}")

    async def test_a_job_whose_later_events_are_still_there_has_not_expired(self, path: Path) -> None:
        await write(path, events()[:2])
        assert (await Comparison(path).compare(each(events()[4:]))).differences_count == 2

    async def test_a_tombstone_tells_that_the_rest_has_expired(self, path: Path) -> None:
        await write(path)
        tombstone = shown(builders.queued(), 21, MADE_AT)
        fields = {"type": "job.expired.v1", "data": {"user_id": "alice"}}
        log = [*events()[1:], _replaced(tombstone, **fields)]
        found = await Comparison(path).compare(each(log))
        assert (found.same, found.expired_events, found.differences_count) == (5, 1, 0)

    async def test_what_the_file_leaves_out_is_told(self, path: Path) -> None:
        one = [event for event in events() if event.job_id != SECOND]
        await write(path, one)
        found = await Comparison(path).compare(each(events()))
        assert found.differences == ("event 9, a job.queued.v1, is in the log and not in the file",)


class TestWriting:
    """It is there when it is whole, and not before."""

    async def test_a_history_that_breaks_off_leaves_nothing(self, path: Path) -> None:
        async def broken() -> AsyncIterator[EventObject]:
            yield events()[0]
            raise UnreachableError("gone")

        with pytest.raises(UnreachableError):
            await write_history(path, Header(made_at=MADE_AT), broken())
        assert beside(path) == []

    async def test_while_it_grows_it_has_another_name(self, path: Path) -> None:
        async def watched() -> AsyncIterator[EventObject]:
            for event in events():
                assert len(beside(path)) == 1
                assert path not in beside(path)
                yield event

        await write_history(path, Header(made_at=MADE_AT), watched())
        assert beside(path) == [path]

    async def test_one_that_is_there_is_replaced_only_when_told_to(self, path: Path) -> None:
        put(path, [b"precious"])
        with pytest.raises(HistoryFileError, match="File exists"):
            await write_history(path, Header(made_at=MADE_AT), each(events()))
        assert taken(path) == [b"precious"]
        await write(path)
        assert check_history(path).events == 6
        assert beside(path) == [path]

    async def test_a_file_that_cannot_be_is_no_damage(self, tmp_path: Path) -> None:
        nowhere = tmp_path / "no" / "folder"
        with pytest.raises(HistoryFileError, match="No such file"):
            await write_history(nowhere, Header(made_at=MADE_AT), each([]))
        with pytest.raises(HistoryFileError, match="No such file"):
            check_history(nowhere)


def _replaced(event: EventObject, **changes: Any) -> EventObject:  # noqa: ANN401 - fields
    fields: dict[str, Any] = {name: getattr(event, name) for name in event.__struct_fields__}
    return EventObject(**{**fields, **changes})
