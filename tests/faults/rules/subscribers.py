"""Each subscriber is shown its user's events of the log, each once, in order, as they are stored.

Notes of the feed may be lost in a crash of the server, which keeps them in memory; but none comes twice, no
output comes out of order, and nothing of the attempt that ended a job comes after that. An executor that was
believed dead may wake and go on telling of an older attempt, whose notes say so.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.faults.history import Missed, Piece, Shown
from tests.faults.rules.story import Story
from tests.faults.rules.violation import Violation

ENDS = frozenset({"completed", "failed", "timeout", "cancelled"})
KEPT = "feed_expired"
"""What is kept of the feed only for a while may be missed; the log never."""


def check_subscribers(
    shown: tuple[Shown, ...], missed: tuple[Missed, ...], subscribers: dict[str, str], story: Story
) -> Iterator[Violation]:
    """`subscribers` are their names with their users, of whom each is to be shown everything."""
    by_name: dict[str, list[Shown]] = defaultdict(list)
    for event in shown:
        by_name[event.subscriber].append(event)
    of_user: dict[str, dict[int, str]] = defaultdict(dict)
    for fact in story.facts:
        of_user[fact.event.user_id][fact.sequence] = fact.event.job_id
    for name, user in subscribers.items():
        yield from _check_log(name, by_name[name], of_user[user], story)
        yield from _check_notes(name, by_name[name])
        yield from _check_ends(name, by_name[name], story)
    for one in missed:
        if one.reason != KEPT:
            yield Violation("missed", None, f"{one.subscriber} was told of a gap: {one.reason}")


def _check_log(name: str, shown: list[Shown], stored: dict[int, str], story: Story) -> Iterator[Violation]:
    seen: set[int] = set()
    newest = 0
    for event in shown:
        if event.seq is None:
            continue
        where = f"{name} was shown {event.seq} on connection {event.connection}"
        if event.seq not in stored:
            yield Violation("foreign", event.job_id, where)
        elif event.seq in seen:
            yield Violation("repeated", event.job_id, where)
        elif event.seq < newest:
            yield Violation("swapped", event.job_id, f"{where}, after {newest}")
        elif event.digest != story.digests[event.seq]:
            yield Violation("altered", event.job_id, where)
        seen.add(event.seq)
        newest = max(newest, event.seq)
    for sequence, job_id in stored.items():
        if sequence not in seen:
            yield Violation("unseen", job_id, f"{name} was not shown {sequence}")


def _check_notes(name: str, shown: list[Shown]) -> Iterator[Violation]:
    """Output goes on where it was; other notes come once."""
    reached: dict[tuple[str, int, str, str], int] = defaultdict(int)
    notes: set[tuple[str, str]] = set()
    for event in shown:
        if event.seq is not None:
            continue
        if event.piece is None:
            if (event.job_id, event.digest) in notes:
                yield Violation("repeated", event.job_id, f"{name} was shown a note of {event.type} twice")
            notes.add((event.job_id, event.digest))
            continue
        stream = _stream(event.job_id, event.piece)
        if event.piece.offset < reached[stream]:
            where = f"{name}, connection {event.connection}: {stream} at {event.piece.offset}"
            yield Violation("repeated", event.job_id, f"{where}, shown up to {reached[stream]}")
        reached[stream] = max(reached[stream], event.piece.offset + event.piece.size)


def _stream(job_id: str, piece: Piece) -> tuple[str, int, str, str]:
    return job_id, piece.attempt, piece.stage, piece.stream


def _check_ends(name: str, shown: list[Shown], story: Story) -> Iterator[Violation]:
    for event in after_ends(shown):
        ended = story.end(event.job_id)
        if ended is None or event.attempt == getattr(ended.event, "attempt", None):
            yield Violation("late", event.job_id, f"{name} was shown {event.type} after the end")


def after_ends(shown: Iterable[Shown]) -> Iterator[Shown]:
    """Notes of jobs whose end the same subscriber had been shown before."""
    ended: set[tuple[str, str]] = set()
    for event in shown:
        if event.seq is None and (event.subscriber, event.job_id) in ended:
            yield event
        if event.type.split(".")[1] in ENDS:
            ended.add((event.subscriber, event.job_id))
