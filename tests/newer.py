"""Events as a newer version may write them: of today's types, with values and fields that came later."""

import json
from typing import Any

import msgspec

from shared.contract.subjects import feed_note, job_event
from shared.domain.events import EventBase, FeedNote, kind_of

ENUMERATIONS = frozenset({"encoding", "cgroup", "reason", "stage", "stream", "signal"})
"""Every field that is one; besides them the name of a stage."""

FREE = frozenset({"env", "labels"})
"""What users fill: each name is one of theirs."""


def from_newer(event: EventBase, **values: object) -> bytes:
    """The event with `later_…` wherever there is an enumeration, and with a later field at every level.

    `values` are fields of the event as the newer version writes them instead.
    """
    return json.dumps({**_later(msgspec.to_builtins(event)), **values}, ensure_ascii=False).encode()


def subject_of(event: EventBase | FeedNote) -> str:
    """Where it is stored."""
    is_note = isinstance(event, FeedNote)
    return (feed_note if is_note else job_event)(event.user_id, event.job_id, kind_of(event))


def _later(fields: dict[str, Any]) -> dict[str, Any]:
    found = {name: _value(name, value) for name, value in fields.items()}
    return {**found, "later_field": "ü"}


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case str() if name in ENUMERATIONS:
            return f"later_{name}"
        case dict() if name not in FREE:
            return _later(value)
        case list() | tuple() if name == "stages":
            return [{**_later(stage), "name": f"later_stage_{number}"} for number, stage in enumerate(value)]
        case list() | tuple() if name == "skipped":
            return [{**_later(file), "reason": file["reason"]} for file in value]  # for people
        case list() | tuple():
            return [_value("", one) for one in value]
        case _:
            return value
