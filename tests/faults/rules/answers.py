"""An answer is the fold of the log as of its sequence, and no older than what its client had seen before."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from shared.domain.events import JobCancelled, JobCancelRequested
from tests.faults.history import Call, Shown
from tests.faults.rules.story import Story
from tests.faults.rules.submissions import is_accepted
from tests.faults.rules.violation import Violation

GOOD = frozenset({200, 202})
NOT_NOW = frozenset({429, 502, 503, 504})
"""No promise is broken by being told to come back."""
UNKNOWN, CONFLICT = 404, 409


def check_answers(calls: tuple[Call, ...], shown: tuple[Shown, ...], story: Story) -> Iterator[Violation]:
    """Every answer by itself, then each against what its user knew."""
    accepted = {call.job_id for call in calls if is_accepted(call)}
    for call in calls:
        if call.status is None or call.status in NOT_NOW:
            continue
        if call.status in GOOD:
            yield from _check_record(call, story)
            if call.asked == "cancel":
                yield from _check_cancelled(call, story)
        elif call.status == UNKNOWN and call.job_id in accepted:
            yield Violation("forgotten", call.job_id, f"404 at {call.answered_at}")
        elif call.status == CONFLICT and call.asked == "cancel":
            yield from _check_too_late(call, story)
        else:
            yield Violation("unexpected_answer", call.job_id, f"{call.asked}: {call.status} {call.why or ''}")
    yield from _check_freshness(calls, shown)


def _check_record(call: Call, story: Story) -> Iterator[Violation]:
    if call.job_id is None or call.sequence is None:
        yield Violation("wrong_answer", call.job_id, f"{call.asked} was answered without a job")
        return
    told = story.records.get((call.job_id, call.sequence))
    if call.job_id not in story.of_job:
        # The submission itself is lost, which is said elsewhere.
        return
    if told is None:
        yield Violation("wrong_answer", call.job_id, f"the log has no event {call.sequence} of it")
    elif told != call.record:
        yield Violation("wrong_answer", call.job_id, f"{call.asked}: not what {call.sequence} makes of it")
    if call.etag is not None and call.etag != f'"{call.sequence}"':
        yield Violation("wrong_etag", call.job_id, f"{call.etag} of event {call.sequence}")


def _check_cancelled(call: Call, story: Story) -> Iterator[Violation]:
    facts = story.of_job.get(call.job_id or "", ())
    if not any(isinstance(fact.event, JobCancelled | JobCancelRequested) for fact in facts):
        yield Violation("cancel_lost", call.job_id, f"acknowledged at {call.answered_at}")


def _check_too_late(call: Call, story: Story) -> Iterator[Violation]:
    ended = story.end(call.job_id or "")
    if ended is None or (call.answered_at is not None and ended.stored_at > call.answered_at):
        yield Violation("cancel_refused", call.job_id, f"at {call.answered_at}; it ended with {ended}")


def _check_freshness(calls: tuple[Call, ...], shown: tuple[Shown, ...]) -> Iterator[Violation]:
    """Read your writes, and never read backwards: over HTTP and over the socket together."""
    known: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    good = [call for call in calls if call.status in GOOD and call.job_id and call.sequence]
    for call in good:
        if call.answered_at is not None:
            known[call.job_id or ""].append((call.answered_at, call.sequence or 0))
    for event in shown:
        if event.seq is not None:
            known[event.job_id].append((event.at, event.seq))
    for call in good:
        before = [sequence for at, sequence in known[call.job_id or ""] if at < call.asked_at]
        if before and max(before) > (call.sequence or 0):
            evidence = f"{call.asked} at {call.asked_at}: {call.sequence}, but {max(before)} was known"
            yield Violation("stale", call.job_id, evidence)
