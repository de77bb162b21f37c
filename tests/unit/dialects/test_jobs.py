"""The words of the dialect `jobs`: whatever a job's status is, they are four."""

from typing import get_args

import msgspec
import pytest

from services.notifier.transports.dialects.jobs.messages import Ping, Subscribe, Unknown, parse
from shared.dialects.jobs import Word, word_of
from shared.domain.job import Status
from tests import builders
from tests.builders import NOON


@pytest.mark.row("jobs", "3.2")
def test_no_status_has_another_word() -> None:
    for status in (*get_args(Status), "of a later version"):
        for finished_at in (None, NOON):
            job = msgspec.structs.replace(builders.record(), status=status, finished_at=finished_at)
            assert word_of(job) in get_args(Word)
            assert (word_of(job) == "pending") == (status == "queued")


@pytest.mark.row("jobs", "4.4")
def test_a_message_is_one_of_two_or_unknown() -> None:
    assert parse({"action": "subscribe", "job_id": "x"}) == Subscribe("x")
    assert parse({"action": "ping"}) == Ping()
    for message in ({}, {"action": "subscribe"}, {"action": ["ping"]}, {"type": "ping"}, {"action": "PING"}):
        assert isinstance(parse(message), Unknown)
