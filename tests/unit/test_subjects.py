"""Any user id becomes one legal subject token and comes back; nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract import subjects
from shared.contract.subjects import SubjectError, escape, parse, unescape
from tests import builders

USERS = st.text(min_size=1, max_size=30).filter(
    lambda text: 0 < len(text.encode("utf-8", "surrogatepass")) <= subjects.USER_BYTES_MAX
)


@given(USERS)
def test_any_user_round_trips_through_one_legal_token(user: str) -> None:
    token = escape(user)
    assert unescape(token) == user
    assert not set(token) & set(".*> \t\r\n\0")
    assert token.isascii()
    assert token.isprintable()


@given(USERS, USERS)
def test_two_users_never_share_a_token(one: str, two: str) -> None:
    assert (escape(one) == escape(two)) == (one == two)


@pytest.mark.parametrize(
    "user", ["*.>", "a b", ".", ">", "*", "=", "a=41", "\x00", "\U0001f600", "ü", "a" * 128]
)
def test_hostile_users_round_trip(user: str) -> None:
    assert unescape(escape(user)) == user
    assert parse(subjects.job_event(user, builders.JOB, "queued")).user_id == user


@pytest.mark.parametrize("user", ["", "a" * 129, "ü" * 65])
def test_empty_and_over_long_users_are_refused(user: str) -> None:
    with pytest.raises(SubjectError):
        escape(user)


@pytest.mark.parametrize("token", ["", "a.b", "*", ">", "=4", "=zz", "=41", "=c3=a4", "=FF", "a b", "a\n"])
def test_what_escape_does_not_write_is_not_read(token: str) -> None:
    with pytest.raises(SubjectError):
        unescape(token)


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "jobs",
        "jobs.alice.queued",
        f"other.alice.{builders.JOB}.queued",
        f"jobs.alice.{builders.JOB}.",
        f"jobs.alice.{builders.JOB.upper()}.queued",
        f"jobs.alice.{builders.JOB}.queued.more",
        "jobs.alice.*.queued",
        "jobs.*.not-an-id.queued",
    ],
)
def test_a_subject_of_another_form_is_refused(subject: str) -> None:
    with pytest.raises(SubjectError):
        parse(subject)


@pytest.mark.parametrize("job", ["", "*", ">", "..", "x" * 36, builders.JOB + "\n", builders.JOB.upper()])
def test_only_a_lower_case_uuid_is_a_job_id(job: str) -> None:
    assert not subjects.is_job_id(job)
    with pytest.raises(SubjectError):
        subjects.job_events("alice", job)


@given(USERS)
def test_a_subject_of_input_names_its_user_and_its_job(user: str) -> None:
    assert subjects.parse_input(subjects.job_input(user, builders.JOB)) == (user, builders.JOB)


@pytest.mark.parametrize("user", ["*.>", "a b", ">", "=", "\x00", "ü", "a" * 128])
def test_input_of_hostile_users_is_within_what_belongs_to_them(user: str) -> None:
    subject = subjects.job_input(user, builders.JOB)
    assert subject.rpartition(".")[0] == subjects.user_input(user).rpartition(".")[0]
    assert len(subject.split(".")) == len(subjects.INPUT_SUBJECTS.split("."))


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "input",
        "input.alice",
        f"input.alice.{builders.JOB}.more",
        f"input.alice.{builders.JOB.upper()}",
        f"input..{builders.JOB}",
        f"feed.alice.{builders.JOB}",
        "input.alice.*",
        "input.*." + builders.JOB,
    ],
)
def test_what_is_no_subject_of_input_is_refused(subject: str) -> None:
    with pytest.raises(SubjectError):
        subjects.parse_input(subject)


def test_input_of_what_is_no_job_has_no_subject() -> None:
    with pytest.raises(SubjectError):
        subjects.job_input("alice", "*")
