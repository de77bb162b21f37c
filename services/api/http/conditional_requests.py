"""Conditional requests (RFC 9110 13): entity tags made from sequences, and their preconditions."""

from typing import Annotated

from fastapi import Header

from shared.contract import problems
from shared.contract.problems import ProblemError

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1024,
        description="Do it only if this is still the entity tag (`ETag`) of what is changed.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=1024,
        description="Entity tags (`ETag`) of what the client has: one of them is answered with 304.",
    ),
]


def tag_of(sequence: int) -> str:
    """The strong entity tag of a resource last changed at this sequence."""
    return f'"{sequence}"'


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has the current state (304). Tags are compared weakly."""
    return if_none_match is not None and any(
        one in {"*", tag} for one in (each.removeprefix("W/") for each in _tags(if_none_match))
    )


def expected_sequence(if_match: str | None) -> int | None:
    """The sequence in `If-Match`; None if the field is absent or `*`.

    Raises ProblemError for a value that is no tag of this service and so cannot match.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    tags = _tags(if_match)
    text = tags[0].strip('"') if len(tags) == 1 else ""
    if len(text) <= 19 and text.isascii() and text.isdecimal() and tags[0] == tag_of(int(text)):
        return int(text)
    raise ProblemError(problems.PRECONDITION_FAILED, "If-Match is not a tag that this service gave")


def precondition_failed(what: str, sequence: int) -> ProblemError:
    """The problem for a failed precondition: `what` now has the tag of `sequence`."""
    return ProblemError(
        problems.PRECONDITION_FAILED,
        f"{what} has changed: its entity tag is {sequence}",
        headers={"ETag": tag_of(sequence)},
    )


def _tags(header: str) -> list[str]:
    """The tags of a field. Headrace's own tags have no commas, so quoted commas need no parsing."""
    return [tag.strip() for tag in header.split(",")]
