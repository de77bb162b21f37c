"""What the fault tests refuse: two results of a job, and one that is told twice on a connection."""

import pytest

from tests.dialects.faults import Seen

ONE, OTHER = {"status": "completed"}, {"status": "failed"}


def test_the_same_result_over_several_connections_and_polls_is_one() -> None:
    seen = Seen(connections=[[("a", ONE), ("b", OTHER)], [("a", ONE)]], polled=[("a", ONE), ("a", ONE)])
    assert seen.results() == {"a": ONE, "b": OTHER}


def test_a_result_told_twice_on_one_connection_is_refused() -> None:
    with pytest.raises(AssertionError, match="told twice"):
        Seen(connections=[[("a", ONE), ("b", ONE), ("a", ONE)]]).results()


@pytest.mark.parametrize(
    "seen",
    [
        Seen(connections=[[("a", ONE)], [("a", OTHER)]]),
        Seen(connections=[[("a", ONE)]], polled=[("a", OTHER)]),
        Seen(polled=[("a", OTHER), ("a", ONE)]),
    ],
)
def test_two_results_of_a_job_are_refused(seen: Seen) -> None:
    with pytest.raises(AssertionError, match="two results"):
        seen.results()
