"""The last entries of users, as they arrive: what is said is right, or it is not said."""

from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.position import FeedMark, Position
from tests import builders
from tests.unit.notifier.stored import OTHER_JOB, logged, noted, us

BEGIN = Position(10, FeedMark(us(10), 10))
OTHER = "bob"


def test_a_users_last_entry_is_known_once_one_has_arrived() -> None:
    known = KnownEnds(BEGIN)
    known.take_log(logged(builders.queued(), 11))
    known.take_log(logged(builders.running(), 13))
    known.take_log(logged(builders.queued(builders.JOB, OTHER), 14))
    known.take_feed(noted(11, 11))
    known.take_feed(noted(12, 12))
    assert known.log_end(builders.USER, 0) == 13
    assert known.log_end(OTHER, 0) == 14
    assert known.feed_end(builders.USER, FeedMark()) == FeedMark(us(12), 12)
    assert (known.log_sequence, known.feed_sequence) == (14, 12)


def test_of_any_other_user_nothing_came_since_the_beginning() -> None:
    known = KnownEnds(BEGIN)
    assert known.log_end(builders.USER, 9) is None
    assert known.log_end(builders.USER, 10) == 0
    assert known.feed_end(builders.USER, FeedMark(us(10), 9)) is None
    assert known.feed_end(builders.USER, FeedMark(us(9), None)) is None
    assert known.feed_end(builders.USER, FeedMark(us(10), 10)) == FeedMark()
    assert known.feed_end(builders.USER, FeedMark(us(10), None)) == FeedMark()


def test_what_the_leaders_say_is_kept_and_does_not_undo_what_has_arrived_since() -> None:
    known = KnownEnds(BEGIN)
    assert known.learn_log_end(builders.USER, 7) == 7
    assert known.learn_feed_end(builders.USER, FeedMark(us(5), 5)) == FeedMark(us(5), 5)
    assert known.log_end(builders.USER, 0) == 7
    assert known.feed_end(builders.USER, FeedMark()) == FeedMark(us(5), 5)
    known.take_log(logged(builders.queued(), 11))
    known.take_feed(noted(11, 11))
    assert known.learn_log_end(builders.USER, 7) == 11
    assert known.learn_feed_end(builders.USER, FeedMark(us(5), 5)) == FeedMark(us(11), 11)
    assert known.learn_log_end(OTHER, 0) == 0
    assert known.log_end(OTHER, 0) == 0


def test_it_is_bounded() -> None:
    """The user whose entries came longest ago is forgotten, and is not taken for one without any."""
    known = KnownEnds(BEGIN, users_max=2)
    for number, user in enumerate(("anna", OTHER, "anna", "carol"), start=11):
        known.take_log(logged(builders.queued(builders.JOB, user), number))
        known.take_feed(noted(number, number, user=user))
    assert (known.log_end("anna", 0), known.log_end("carol", 0)) == (13, 14)
    assert known.log_end(OTHER, 11) is None
    assert known.log_end(OTHER, 12) == 0
    assert known.feed_end(OTHER, FeedMark(us(11), 11)) is None
    assert known.feed_end(OTHER, FeedMark(us(12), 12)) == FeedMark()
    assert known.newest_job(OTHER) is None
    assert known.newest_job("anna") == builders.JOB


def test_streams_that_begin_anew_leave_nothing_of_the_old_ones() -> None:
    known = KnownEnds(BEGIN)
    known.take_log(logged(builders.queued(builders.JOB, OTHER), 14))
    known.take_feed(noted(14, 14, user=OTHER))
    known.take_log(logged(builders.queued(OTHER_JOB), 3))
    known.take_feed(noted(2, 20))
    assert known.log_end(OTHER, 2) is None
    assert known.log_end(OTHER, 3) == 0
    assert known.feed_end(OTHER, FeedMark()) is None, "the feed may still have it"
    assert known.feed_end(OTHER, FeedMark(us(14), 13)) is None
    assert known.feed_end(OTHER, FeedMark(us(20), 2)) == FeedMark()
    assert known.log_end(builders.USER, 0) == 3
    assert known.feed_end(builders.USER, FeedMark()) == FeedMark(us(20), 2)
    assert known.newest_job(OTHER) is None


def test_what_was_given_of_the_feed_is_not_known_while_it_may_use_sequences_again() -> None:
    known = KnownEnds(BEGIN)

    def given() -> tuple[bool, int]:
        return known.is_feed_interrupted, known.feed_sequence

    known.take_feed(noted(14, 14))
    known.interrupt_feed()
    assert given() == (True, 14)
    known.resume_feed(14)
    assert given() == (False, 14)
    known.interrupt_feed()
    known.resume_feed(0)
    assert given() == (True, 14)
    known.take_feed(noted(12, 20))
    assert given() == (False, 12)


def test_the_newest_job_is_the_one_that_was_queued_last() -> None:
    known = KnownEnds(BEGIN)
    assert known.newest_job(builders.USER) is None
    known.take_log(logged(builders.queued(), 11))
    known.take_log(logged(builders.queued(OTHER_JOB), 12))
    known.take_log(logged(builders.running(), 13))
    assert known.newest_job(builders.USER) == OTHER_JOB
