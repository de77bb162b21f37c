"""What a client is told of the rules that its request broke: each one once, in our own words."""

import pytest
from pydantic import BaseModel, ValidationError

from services.api.problems import invalid
from services.api.schemas import BatchBody, SubmissionBody
from shared.problems import FieldError


def told(kind: type[BaseModel], body: object) -> tuple[FieldError, ...]:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(body)
    return invalid(caught.value.errors()).errors


def test_each_broken_rule_has_its_place_and_no_words_of_the_library() -> None:
    body = {"language": "bash", "files": [{"name": "../x", "content": ""}], "colour": "red"}
    assert told(SubmissionBody, body) == (
        FieldError("files.0.name", "must not have empty, '.' or '..' parts"),
        FieldError("colour", "Extra inputs are not permitted"),
    )


def test_a_list_is_too_short_only_if_it_is() -> None:
    """The library does not count items that are wrong."""
    assert [one.field for one in told(SubmissionBody, {"language": "bash", "files": []})] == ["files"]
    assert [one.field for one in told(BatchBody, {"jobs": []})] == ["jobs"]


def test_a_rule_about_the_whole_names_the_body() -> None:
    assert told(SubmissionBody, {"language": "bash"}) == (FieldError("body", "give either code or files"),)
