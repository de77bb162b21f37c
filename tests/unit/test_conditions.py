"""What requests say of entity tags and of waiting."""

import pytest

from services.api.http.conditional_requests import expected_sequence, is_unchanged, tag_of
from services.api.jobs.wait import wait_of
from shared.contract.problems import ProblemError


@pytest.mark.parametrize("header", ['"7"', 'W/"7"', "*", '"3", "7"', '"3" ,W/"7"'])
def test_a_tag_that_is_named_is_unchanged(header: str) -> None:
    assert is_unchanged(header, tag_of(7))


@pytest.mark.parametrize("header", [None, "", "7", '"8"', '"77"', '"7', 'w/"7"'])
def test_any_other_is_changed(header: str | None) -> None:
    assert not is_unchanged(header, tag_of(7))


@pytest.mark.parametrize(("header", "sequence"), [(None, None), ("*", None), (' "12" ', 12), ('"0"', 0)])
def test_if_match_names_a_sequence(header: str | None, sequence: int | None) -> None:
    assert expected_sequence(header) == sequence


@pytest.mark.parametrize(
    "header", ["", "12", 'W/"12"', '"012"', '"-1"', '"٣"', '"1", "2"', '"' + "9" * 5000 + '"']
)
def test_what_is_no_tag_of_ours_cannot_match(header: str) -> None:
    with pytest.raises(ProblemError) as caught:
        expected_sequence(header)
    assert caught.value.problem.kind.slug == "precondition-failed"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=10", 10),
        ('Wait = "10"; x=y', 10),
        ("wait=0", 0),
        ("wait=5, wait=10", 5),
        (None, None),
        ("", None),
        ("wait", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=٣", None),
        ("wait=99999999999999999999", None),
        ("handling=lenient", None),
    ],
)
def test_a_preference_to_wait(header: str | None, seconds: int | None) -> None:
    assert wait_of(header) == seconds
