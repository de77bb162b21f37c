"""What was seen, what is new, and that a cursor says it to a client and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.events.position import FeedMark, Position, position_of
from shared.domain.cursor import CursorError, parse_cursor

numbers = st.integers(min_value=0, max_value=10**18)
marks = st.builds(FeedMark, numbers, st.none() | numbers)
positions = st.builds(Position, numbers, marks)


@pytest.mark.clause("6.1")
@given(positions)
def test_a_client_brings_back_what_it_was_given(position: Position) -> None:
    assert position_of(parse_cursor(str(position))) == position


@given(st.text(max_size=30))
def test_any_other_text_is_refused_or_means_what_it_says(text: str) -> None:
    try:
        cursor = parse_cursor(text)
    except CursorError:
        return
    assert text.isascii()
    assert parse_cursor(str(cursor)) == cursor


@pytest.mark.parametrize(
    ("mark", "other", "covered"),
    [
        pytest.param(FeedMark(100, 5), FeedMark(100, 5), True, id="itself"),
        pytest.param(FeedMark(100, 5), FeedMark(90, 4), True, id="earlier"),
        pytest.param(FeedMark(100, 5), FeedMark(100, 6), False, id="later in the same microsecond"),
        pytest.param(FeedMark(100, 5), FeedMark(110, 6), False, id="later"),
        pytest.param(FeedMark(100, 5), FeedMark(110, 2), False, id="of a feed that began anew"),
        pytest.param(FeedMark(100, 5), FeedMark(90, 6), False, id="after the clock was set back"),
        pytest.param(FeedMark(100, None), FeedMark(100, 9), True, id="of the moment"),
        pytest.param(FeedMark(100, None), FeedMark(101, 1), False, id="after the moment"),
        pytest.param(FeedMark(), FeedMark(1, 1), False, id="nothing seen"),
    ],
)
def test_what_a_mark_covers(mark: FeedMark, other: FeedMark, covered: bool) -> None:
    assert mark.covers(other) is covered


@given(positions, positions)
def test_later_forgets_nothing_of_the_log_and_goes_on_in_the_newer_feed(one: Position, two: Position) -> None:
    later = one.later(two)
    assert later == two.later(one)
    assert later.log == max(one.log, two.log)
    assert later.feed in {one.feed, two.feed}
    assert later.feed.stored_us == max(one.feed.stored_us, two.feed.stored_us)


@given(positions)
def test_everybody_has_seen_where_they_are(position: Position) -> None:
    assert position.covers(position)
    assert position.later(position) == position
    assert position.covers(Position())
