"""What a newer version adds to today's events is read, kept apart, and passed on; it is never written.

The files in `newer_events/` are the newest form of each example at some time, with unknown values and unknown
fields. They are written once, by ``python -m tests.contract.test_newer_events``, and every version goes on
reading them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from shared.contract.codec import (
    UndecodableError,
    UnknownTagError,
    check_copy,
    decode_event,
    decode_input,
    decode_note,
    encode,
    event_object,
)
from shared.contract.subjects import job_input
from shared.contract.view_api import JobAnswer, JobsQuestion
from shared.domain.enumerations import VALUE_LENGTH_MAX, UnknownValueError
from shared.domain.events import (
    Event,
    EventBase,
    FeedNote,
    InputMessage,
    JobFailed,
    JobQueued,
    JobTimeout,
    Limits,
    kind_of,
    tag_of,
)
from shared.domain.record import JobRecord
from shared.jetstream.presence import LanguageOffer, Presence
from tests.builders import NOON, record
from tests.contract.test_events import EXAMPLES, FORMS, NEWEST
from tests.newer import from_newer, subject_of

FOLDER = Path(__file__).with_name("newer_events")
NEWEST_FORMS = [form for name, form in FORMS if name in NEWEST.values()]


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


STORED_FORMS = [(name, form) for name, form in FORMS if name in NEWEST.values() or path_of(name).exists()]
STORED_NAMES = [name for name, _ in STORED_FORMS]


def read(event: EventBase, stored: bytes) -> EventBase:
    is_note = isinstance(event, FeedNote)
    return (decode_note if is_note else decode_event)(subject_of(event), stored)


def enumerations(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - JSON
    """Where the values of the newer version stand."""
    match value:
        case str() if value.startswith("later_"):
            yield path
        case dict():
            for name, one in value.items():
                yield from enumerations(one, (*path, name))
        case list():
            for number, one in enumerate(value):
                yield from enumerations(one, (*path, str(number)))
        case _:
            pass


@pytest.mark.parametrize(("name", "event"), STORED_FORMS, ids=STORED_NAMES)
def test_unknown_values_are_read_as_they_are_and_unknown_fields_passed_over(
    name: str, event: EventBase
) -> None:
    stored = path_of(name).read_bytes()
    known, found = (msgspec.json.decode(msgspec.json.encode(one)) for one in (event, read(event, stored)))
    later = set(enumerations(found))
    assert _without(found, later) == _without(known, later)
    assert later == set(enumerations(msgspec.json.decode(stored))), "each is read, and passed on as it is"


@pytest.mark.parametrize("name", STORED_NAMES)
def test_clients_see_every_value_and_every_field(name: str) -> None:
    stored = path_of(name).read_bytes()
    fields = msgspec.json.decode(stored)
    shown = event_object(stored, cursor="7-1", stored_at=NOON, seq=7)
    seen = {**shown.data, "type": shown.type, "job_id": shown.job_id, "time": shown.time}
    assert seen == fields
    assert "later_field" in seen


WITH_VALUES = [event for event in NEWEST_FORMS if set(enumerations(msgspec.json.decode(from_newer(event))))]


@pytest.mark.parametrize("event", WITH_VALUES, ids=[tag_of(event) for event in WITH_VALUES])
def test_what_this_version_does_not_know_it_does_not_write(event: EventBase) -> None:
    """Each place by itself: a writer that forgot one of them would be found here."""
    fields = msgspec.json.decode(encode(event))
    places = list(enumerations(msgspec.json.decode(from_newer(event))))
    assert places
    for place in places:
        changed = read(event, msgspec.json.encode(_with(fields, place, "later")))
        with pytest.raises(UnknownValueError, match=f"{place[-1]} 'later'"):
            encode(changed)
    assert encode(read(event, msgspec.json.encode(fields))) == encode(event)


STORED_INPUT = [form for _, form in FORMS if isinstance(form, InputMessage) and form.attempt is UNSET]


@pytest.mark.parametrize("message", STORED_INPUT, ids=[tag_of(message) for message in STORED_INPUT])
def test_input_of_a_newer_version_is_read_where_it_is_stored(message: InputMessage) -> None:
    subject = job_input(message.user_id, message.job_id)
    found = decode_input(subject, from_newer(message))
    assert (type(found), found.number, found.offset) == (type(message), message.number, message.offset)
    with pytest.raises(UnknownTagError):
        decode_input(subject, from_newer(message, type="job.input.v9"))


def test_a_value_has_a_bounded_length() -> None:
    for event, field in ((_example(JobFailed), "reason"), (_example(JobTimeout), "stage")):
        longest = from_newer(event, **{field: "x" * VALUE_LENGTH_MAX})
        assert getattr(read(event, longest), field) == "x" * VALUE_LENGTH_MAX
        with pytest.raises(UndecodableError):
            read(event, from_newer(event, **{field: "x" * (VALUE_LENGTH_MAX + 1)}))


@pytest.mark.parametrize("value", [None, 7, [], {}])
def test_a_value_is_text(value: object) -> None:
    event = _example(JobFailed)
    with pytest.raises(UndecodableError):
        read(event, from_newer(event, reason=value))


def test_a_type_that_is_not_known_stays_for_later() -> None:
    event = _example(JobFailed)
    with pytest.raises(UnknownTagError, match=r"job\.failed\.v9"):
        read(event, from_newer(event, type="job.failed.v9"))


def test_a_copy_that_would_lose_something_is_refused() -> None:
    event = _example(JobQueued)
    check_copy(encode(event), event)
    earlier = msgspec.json.decode(encode(event))
    del earlier["artifacts_bytes_max"]
    check_copy(msgspec.json.encode(earlier), event)
    stored = msgspec.json.decode(encode(event))
    for later in (
        {**stored, "network": True},
        {**stored, "limits": {**stored["limits"], "later": 1}},
        {**stored, "files": [{**stored["files"][0], "mode": 7}, *stored["files"][1:]]},
    ):
        with pytest.raises(UnknownValueError):
            check_copy(msgspec.json.encode(later), event)


def test_answers_and_announcements_of_newer_services_are_read_too() -> None:
    job = {**msgspec.to_builtins(record()), "status": "paused", "later": 1}
    assert msgspec.convert(job, JobRecord).status == "paused"
    answer = msgspec.json.encode({"type": "job", "checkpoint": 7, "job": job})
    assert msgspec.json.decode(answer, type=JobAnswer).checkpoint == 7
    question = msgspec.json.encode({"user_id": "alice", "status": "paused"})
    assert msgspec.json.decode(question, type=JobsQuestion).status == "paused"
    offer = LanguageOffer(
        name="x",
        version="1",
        aliases=(),
        extension="x",
        entrypoint="x",
        stages=("lint", "run"),
        limits=Limits(),
    )
    announced = {
        "executor_id": "x1",
        "time": "2026-01-02T12:00:00Z",
        "slots": 1,
        "isolation": {"cgroup": "v3"},
        "languages": [{**msgspec.to_builtins(offer), "later": 1}],
    }
    presence = msgspec.convert(announced, Presence)
    assert (presence.isolation.cgroup, presence.languages[0].stages) == ("v3", ("lint", "run"))


def test_every_event_has_a_file_from_a_newer_version() -> None:
    kinds = {str(kind.__struct_config__.tag) for kind in (*Event.__args__, *FeedNote.__args__)}
    assert {path.stem.partition("+")[0] for path in FOLDER.glob("*.json")} == kinds
    assert {kind_of(event) for event in WITH_VALUES} == {
        kind_of(event) for event in EXAMPLES if kind_of(event) not in {"cancel_requested", "resized"}
    }


def _example(kind: type[EventBase]) -> EventBase:
    return next(event for event in NEWEST_FORMS if isinstance(event, kind))


def _with(fields: Any, place: tuple[str, ...], value: object) -> Any:  # noqa: ANN401 - JSON
    name, *rest = place
    if isinstance(fields, list):
        return [
            _with(one, tuple(rest), value) if str(number) == name else one
            for number, one in enumerate(fields)
        ]
    return {**fields, name: _with(fields[name], tuple(rest), value) if rest else value}


def _without(fields: Any, places: set[tuple[str, ...]]) -> Any:  # noqa: ANN401 - JSON
    for place in places:
        fields = _with(fields, place, None)
    return fields


if __name__ == "__main__":
    for name in NEWEST.values():
        if not path_of(name).exists():
            path_of(name).write_bytes(msgspec.json.format(from_newer(dict(FORMS)[name]), indent=2) + b"\n")
