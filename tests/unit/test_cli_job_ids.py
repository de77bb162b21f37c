"""A job by the beginning of its id."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from headrace.cli.job_ids import JobIdError, choose, find_among
from shared.domain.record import JobSummary, summary_of
from tests.builders import record

ONE, TWO, THREE = (
    f"0192f3a4-5b6c-7d8e-9f00-{last}" for last in ("a00000000001", "ab0000000002", "b00000000003")
)


async def listed() -> AsyncIterator[JobSummary]:
    for job_id in (ONE, TWO, THREE):
        yield summary_of(msgspec.structs.replace(record(), job_id=job_id))


class Unread(AsyncIterator[JobSummary]):
    """Jobs that are not to be listed."""

    async def __anext__(self) -> JobSummary:
        raise AssertionError("nothing is listed for this")


@pytest.mark.parametrize(("text", "job_id"), [(THREE[:25], THREE), (ONE[:26], ONE), (TWO[:-1], TWO)])
async def test_a_beginning_that_one_job_has_is_that_job(text: str, job_id: str) -> None:
    assert await find_among(text, listed()) == job_id


async def test_several_are_listed() -> None:
    with pytest.raises(JobIdError) as error:
        await find_among("0192f3a4-5b6c-7d8e-9f00-a", listed())
    assert str(error.value) == f"2 jobs begin with '0192f3a4-5b6c-7d8e-9f00-a': {ONE}, {TWO}"


async def test_a_whole_id_is_taken_as_it_is() -> None:
    assert await find_among(ONE, Unread()) == ONE


@pytest.mark.parametrize("text", ["", "no-such-job", "0192F3A4", "*", "a>"])
async def test_what_no_id_begins_with_is_refused_at_once(text: str) -> None:
    with pytest.raises(JobIdError, match="no job of this id"):
        await find_among(text, Unread())


async def test_what_no_job_begins_with_is_refused() -> None:
    with pytest.raises(JobIdError, match="no job of this id: none begins with 'ffff'"):
        await find_among("ffff", listed())


def test_very_many_are_counted() -> None:
    ids = [f"0192f3a4-5b6c-7d8e-9f00-{number:012}" for number in range(13)]
    with pytest.raises(JobIdError) as error:
        choose("0", ids)
    said = str(error.value)
    assert said.startswith("13 jobs begin with '0': ")
    assert said.endswith(f"{ids[9]} and 3 more")
    assert ids[10] not in said
