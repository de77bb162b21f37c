"""One job: `queued` first and once, attempts 1, 2, 3…, one terminal event, last, of the newest attempt."""

from collections.abc import Iterator

from shared.domain.events import JobCancelled, JobCompleted, JobFailed, JobQueued, JobTimeout
from tests.faults.rules.story import Fact, Story
from tests.faults.rules.violation import Kind, Violation


def check_jobs(story: Story) -> Iterator[Violation]:
    """Every job by itself."""
    for job_id, facts in story.of_job.items():
        yield from _check_beginning(job_id, facts)
        yield from _check_attempts(job_id, story)
        yield from _check_end(job_id, facts)
        yield from _check_fence(job_id, story)


def _check_beginning(job_id: str, facts: tuple[Fact, ...]) -> Iterator[Violation]:
    if not isinstance(facts[0].event, JobQueued):
        yield Violation("not_first", job_id, f"it begins with {facts[0]}")
    for again in [fact for fact in facts if isinstance(fact.event, JobQueued)][1:]:
        yield Violation("queued_twice", job_id, str(again))


def _check_attempts(job_id: str, story: Story) -> Iterator[Violation]:
    numbers = [running.attempt for _, running in story.attempts(job_id)]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Violation("attempts", job_id, f"they are {numbers}")


def _check_end(job_id: str, facts: tuple[Fact, ...]) -> Iterator[Violation]:
    ended: Fact | None = None
    for fact in facts:
        if ended is not None:
            kind: Kind = "ended_twice" if fact.is_terminal else "after_end"
            yield Violation(kind, job_id, f"{fact} after {ended}")
        elif fact.is_terminal:
            ended = fact
    if ended is None:
        yield Violation("unfinished", job_id, f"its last event is {facts[-1]}")


def _check_fence(job_id: str, story: Story) -> Iterator[Violation]:
    """The result that counts is the newest attempt's, and of none where none was begun."""
    ended = story.end(job_id)
    if ended is None or not isinstance(ended.event, JobCompleted | JobFailed | JobTimeout | JobCancelled):
        return
    before = [running.attempt for fact, running in story.attempts(job_id) if fact.sequence < ended.sequence]
    newest = before[-1] if before else None
    if ended.event.attempt != newest:
        yield Violation("unfenced", job_id, f"{ended} is of attempt {ended.event.attempt}, not of {newest}")
