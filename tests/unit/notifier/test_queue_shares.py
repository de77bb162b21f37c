"""What may wait is bounded for each user and for all, and one who holds little always has room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.connections.queue_shares import QueueShare, QueueShares
from services.notifier.events.item import FRAMED_BYTES_MAX, Text

USER_MAX, ALL_MAX, RESERVE = 1_000, 4_000, 500


def shares_of() -> QueueShares:
    return QueueShares(USER_MAX, ALL_MAX, RESERVE)


def bulk(held_bytes: int) -> Text:
    """A small text: its frame is as large as itself, about, and is held too."""
    return Text(b"x" * (held_bytes // 2), is_bulk=True)


def test_a_text_that_many_hold_is_counted_once() -> None:
    shares = shares_of()
    text = bulk(700)
    holders = [QueueShare(shares, "alice") for _ in range(10)]
    assert all(share.take(text, is_first=False) for share in holders)
    assert shares.held_bytes == 700
    for share in holders:
        assert shares.held_bytes == 700
        share.release(text)
    assert (shares.held_bytes, shares.held_by("alice")) == (0, 0)


@pytest.mark.parametrize(
    ("size", "held_bytes"), [(1_000, 2_000), (FRAMED_BYTES_MAX + 1, FRAMED_BYTES_MAX + 1)]
)
def test_a_frame_is_counted_before_it_is_made_and_after(size: int, held_bytes: int) -> None:
    text = Text(b"x" * size, is_bulk=True)
    assert text.held_bytes == held_bytes
    text.frame = b"frame"
    assert text.held_bytes == held_bytes, "what is released must be what was taken"


def test_one_user_takes_only_a_share() -> None:
    shares = shares_of()
    alice, bob = QueueShare(shares, "alice"), QueueShare(shares, "bob")
    while alice.take(bulk(50), is_first=False):
        pass
    assert shares.held_by("alice") == USER_MAX // 4 * 3
    while alice.take(bulk(50), is_first=True):
        pass
    assert shares.held_by("alice") == USER_MAX, "the rest is for queues that hold nothing"
    assert bob.take(bulk(USER_MAX), is_first=True)


def test_an_empty_user_takes_one_of_any_size() -> None:
    assert QueueShare(shares_of(), "alice").take(bulk(3 * USER_MAX), is_first=True)


def test_the_more_is_taken_the_less_each_may_take() -> None:
    shares = shares_of()
    for number in range(8):
        while QueueShare(shares, str(number)).take(bulk(10), is_first=True):
            pass
    assert shares.held_bytes <= ALL_MAX
    assert QueueShare(shares, "somebody new").take(bulk(RESERVE), is_first=True)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(2, 600), st.booleans(), st.booleans()), max_size=200
    )
)
def test_no_bound_is_ever_passed(steps: list[tuple[str, int, bool, bool]]) -> None:
    shares = shares_of()
    held: dict[str, list[tuple[QueueShare, Text]]] = {user: [] for user in "abcdef"}
    for user, size, is_first, gives_back in steps:
        share, text = QueueShare(shares, user), bulk(size)
        if gives_back and held[user]:
            of_user, given = held[user].pop()
            of_user.release(given)
        elif share.take(text, is_first=is_first):
            held[user].append((share, text))
        assert shares.held_bytes <= ALL_MAX + RESERVE
        for one, texts in held.items():
            assert shares.held_by(one) == sum(text.held_bytes for _, text in texts) <= USER_MAX
