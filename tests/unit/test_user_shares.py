"""What a share is, over all sequences of users who take as much as they are let."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.shares import PLACE_PARTS, STORE_PARTS, Places, share_of

USERS = st.sampled_from(["alice", "bob", "carol", "dave"])
PARTS = st.sampled_from([PLACE_PARTS, STORE_PARTS])


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12), PARTS)
def test_a_share_is_never_more_than_its_most_or_than_others_leave(
    most: int, capacity: int, others: int, parts: int
) -> None:
    share = share_of(most=most, capacity=capacity, others=others, parts=parts)
    assert 0 <= share <= most
    assert share == 0 or others + share <= capacity


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(1, 10**12), PARTS)
def test_while_anything_is_left_a_newcomer_gets_some_of_it(
    capacity: int, others: int, most: int, parts: int
) -> None:
    share = share_of(most=most, capacity=capacity, others=others, parts=parts)
    assert (share > 0) == (others < capacity)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9), PARTS)
def test_a_share_shrinks_as_others_hold_more(others: int, more: int, most: int, parts: int) -> None:
    def share(held: int) -> int:
        return share_of(most=most, capacity=10**9, others=held, parts=parts)

    assert share(others + more) <= share(others)


@given(st.integers(1, 40), st.integers(1, 40), st.lists(st.tuples(USERS, st.booleans()), max_size=200))
def test_places_refuse_exactly_who_is_at_his_share(
    capacity: int, most: int, steps: list[tuple[str, bool]]
) -> None:
    places = Places(capacity)
    for user, takes in steps:
        held, share = places.held(user), places.share(user, most)
        if takes:
            assert places.take(user, most) == (held < share)
        elif held:
            places.leave(user)
        assert places.total == sum(places.held(one) for one in ("alice", "bob", "carol", "dave"))
        assert places.total <= capacity


@pytest.mark.parametrize("greedy", [1, 3, 6])
def test_who_comes_last_finds_room_after_users_who_took_all_they_could(greedy: int) -> None:
    places = Places(2_000)
    for number in range(greedy):
        while places.take(f"greedy {number}", 10**6):
            pass
    assert places.take("the last", 200)
    assert places.share("the last", 10**6) == -(-(2_000 - (places.total - 1)) // PLACE_PARTS)


def test_users_who_left_are_forgotten() -> None:
    places = Places(10)
    assert places.take("alice", 3)
    places.leave("alice")
    assert (places.total, places.held("alice"), len(places._held)) == (0, 0, 0)  # noqa: SLF001 - memory
