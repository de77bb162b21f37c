"""What a client is told of the rules that its request broke: each one once, in our own words."""

import pytest
from pydantic import BaseModel, ValidationError

from services.api.http.problems import invalid
from services.api.jobs.file_bodies import FileBody
from services.api.jobs.schemas import BatchBody, LimitsBody, SubmissionBody
from services.api.sessions.schemas import RunBody, SessionBody
from shared.contract.problems import FieldError

UNKNOWN = "there is no such field; there are "


def told(kind: type[BaseModel], body: object) -> tuple[FieldError, ...]:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(body)
    return invalid(caught.value.errors(), kind).errors


def test_each_broken_rule_has_its_place_and_no_words_of_the_library() -> None:
    body = {"language": "bash", "files": [{"name": "../x", "content": ""}], "colour": "red"}
    assert told(SubmissionBody, body) == (
        FieldError("files.0.name", "must not have empty, '.' or '..' parts"),
        FieldError("colour", UNKNOWN + ", ".join(sorted(SubmissionBody.model_fields))),
    )


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (SubmissionBody, {"language": "bash", "code": "", "labls": {}}, ("labls", "labels")),
        (
            SubmissionBody,
            {"language": "bash", "files": [{"name": "a", "content": ""}, {"nam": "b"}]},
            ("files.1.nam", "name"),
        ),
        (SubmissionBody, {"language": "bash", "code": "", "limits": {"wall": 5}}, ("limits.wall", "wall_ms")),
        (SessionBody, {"language": "bash", "code": "", "titel": "x"}, ("titel", "title")),
        (RunBody, {"stdn": "x"}, ("stdn", "stdin")),
        (BatchBody, {"jobs": [{}], "job": 1}, ("job", "jobs")),
    ],
)
def test_an_unknown_field_is_answered_with_the_nearest_known_one(
    kind: type[BaseModel], body: object, expected: tuple[str, str]
) -> None:
    place, near = expected
    assert FieldError(place, f"there is no such field; did you mean {near!r}?") in told(kind, body)


@pytest.mark.parametrize("kind", [SubmissionBody, SessionBody, RunBody, BatchBody, FileBody, LimitsBody])
def test_no_body_takes_a_field_that_it_does_not_know(kind: type[BaseModel]) -> None:
    assert any(one.message.startswith("there is no such field") for one in told(kind, {"colour": "red"}))


def test_an_unknown_field_where_nothing_is_known_is_only_said_to_be_unknown() -> None:
    error = {"type": "extra_forbidden", "loc": ("x",), "msg": ""}
    assert invalid([error], None).errors == (FieldError("x", "there is no such field"),)


def test_a_list_is_too_short_only_if_it_is() -> None:
    """The library does not count items that are wrong."""
    assert [one.field for one in told(SubmissionBody, {"language": "bash", "files": []})] == ["files"]
    assert [one.field for one in told(BatchBody, {"jobs": []})] == ["jobs"]


def test_a_rule_about_the_whole_names_the_body() -> None:
    assert told(SubmissionBody, {"language": "bash"}) == (FieldError("body", "give either code or files"),)
