"""What a follower asks for: never more than it may hold, and yet every message that there can be."""

import pytest

from shared.jetstream.pull_window import MESSAGE_BYTES_MAX, MESSAGES_MAX, EndedError, Window

BYTES = 1_000


def ended(pending: int, why: str = "Message Size Exceeds MaxBytes") -> dict[str, str]:
    return {"Status": "409", "Description": why, "Nats-Pending-Messages": str(pending)}


def test_the_next_pull_comes_when_half_of_the_last_is_handled() -> None:
    window = Window(BYTES)
    assert window.next_pull() == {"batch": MESSAGES_MAX, "max_bytes": BYTES}
    assert window.next_pull() is None
    window.count_handled(MESSAGES_MAX // 2)
    assert window.next_pull() is None
    window.count_handled(1)
    assert window.next_pull() == {"batch": MESSAGES_MAX // 2 + 1, "max_bytes": BYTES}


def test_what_a_pull_could_not_bring_is_asked_for_again() -> None:
    window = Window(BYTES)
    window.next_pull()
    window.count_arrived()
    window.take_status(ended(MESSAGES_MAX - 1))
    window.count_handled(1)
    assert window.next_pull() == {"batch": MESSAGES_MAX, "max_bytes": BYTES}


def test_a_message_that_no_pull_can_bring_is_asked_for_alone() -> None:
    window = Window(BYTES)
    window.next_pull()
    window.take_status(ended(MESSAGES_MAX))
    assert window.next_pull() == {"batch": 1, "max_bytes": MESSAGE_BYTES_MAX}
    assert window.next_pull() is None
    window.count_arrived()
    window.count_handled(1)
    assert window.next_pull() == {"batch": MESSAGES_MAX, "max_bytes": BYTES}


def test_it_is_asked_for_again_when_it_did_not_come_in_time() -> None:
    window = Window(BYTES)
    window.next_pull()
    window.take_status(ended(MESSAGES_MAX))
    window.next_pull()
    window.take_status({"Status": "408", "Description": "Request Timeout", "Nats-Pending-Messages": "1"})
    assert window.next_pull() == {"batch": 1, "max_bytes": MESSAGE_BYTES_MAX}


def test_a_second_pull_under_way_ends_first() -> None:
    window = Window(BYTES)
    window.next_pull()
    window.count_handled(600)
    window.next_pull()
    window.take_status(ended(400))
    assert window.next_pull() is None
    window.take_status(ended(600))
    assert window.next_pull() == {"batch": 1, "max_bytes": MESSAGE_BYTES_MAX}


def test_a_heartbeat_says_nothing() -> None:
    window = Window(BYTES)
    window.next_pull()
    window.take_status({"Status": "100", "Description": "Idle Heartbeat"})
    assert window.next_pull() is None


@pytest.mark.parametrize("status", ["409", "500"])
def test_the_end_of_the_consumer_is_told(status: str) -> None:
    with pytest.raises(EndedError, match="Consumer Deleted"):
        Window(BYTES).take_status({"Status": status, "Description": "Consumer Deleted"})
