"""What was accepted is in the log; one key is one job; what is in the log was asked for."""

from collections import defaultdict
from collections.abc import Iterator

from shared.domain.events import JobQueued
from tests.faults.history import Call
from tests.faults.rules.story import KEY_LABEL, Story
from tests.faults.rules.violation import Violation

Name = tuple[str, str]
"""Of a submission: whose, and its key."""


def check_submissions(calls: tuple[Call, ...], story: Story) -> Iterator[Violation]:
    """All submissions of all users."""
    submits = [call for call in calls if call.asked == "submit"]
    yield from _check_accepted(submits, story)
    yield from _check_names(submits)
    yield from _check_stored({_name(call) for call in submits}, story)
    yield from _check_replays(submits)


def is_accepted(call: Call) -> bool:
    """Whether the client was told that its job will reach an end."""
    return call.asked == "submit" and call.status in {200, 202}


def _check_accepted(submits: list[Call], story: Story) -> Iterator[Violation]:
    accepted = {call.job_id: call for call in submits if is_accepted(call)}
    for job_id, call in accepted.items():
        if story.queued(job_id or "") is None:
            yield Violation("lost", job_id, f"accepted at {call.answered_at} from {call.user}")


def _check_names(submits: list[Call]) -> Iterator[Violation]:
    """Answers alone: the same key is answered with the same job, another key with another."""
    jobs: dict[Name, str | None] = {}
    names: dict[str | None, Name] = {}
    for call in submits:
        if not is_accepted(call):
            continue
        first = jobs.setdefault(_name(call), call.job_id)
        if first != call.job_id:
            yield Violation("key_split", call.job_id, f"{_name(call)} was {first} before")
        elif names.setdefault(call.job_id, _name(call)) != _name(call):
            yield Violation("key_shared", call.job_id, f"{_name(call)} and {names[call.job_id]}")


def _check_stored(asked: set[Name], story: Story) -> Iterator[Violation]:
    """The log alone, which also tells of requests that were never answered."""
    stored: dict[Name, str] = {}
    for fact in story.facts:
        if not isinstance(fact.event, JobQueued):
            continue
        job_id, name = fact.event.job_id, (fact.event.user_id, fact.event.labels.get(KEY_LABEL, ""))
        if name not in asked:
            yield Violation("stray", job_id, f"nobody asked for {name}")
        elif stored.setdefault(name, job_id) != job_id:
            yield Violation("stored_twice", job_id, f"{name} is {stored[name]} already")


def _check_replays(submits: list[Call]) -> Iterator[Violation]:
    """Who asks again after an answer is told that it is one from before."""
    answered: dict[Name, list[Call]] = defaultdict(list)
    for call in sorted(filter(is_accepted, submits), key=lambda call: call.asked_at):
        before = [one for one in answered[_name(call)] if one.answered_at and one.answered_at < call.asked_at]
        if before and not call.is_replay:
            yield Violation("replay_unsaid", call.job_id, f"{_name(call)} asked again at {call.asked_at}")
        answered[_name(call)].append(call)


def _name(call: Call) -> Name:
    return call.user, call.key or ""
