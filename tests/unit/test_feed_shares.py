"""What one user's notes may take of the feed, whatever he prints and for however long."""

from typing import Any, cast

from services.executor.attempts.feed_shares import FEED_AGE_S, LOOK_S, NOTE_OVERHEAD_BYTES, STEP_S, FeedShares
from shared.jetstream.connection import Broker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Answers how full the feed is, and nothing else."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.total = 0

    async def api(self, subject: str) -> dict[str, Any]:
        assert subject == "STREAM.INFO.FEED"
        return {"config": {"max_bytes": self.capacity}, "state": {"bytes": self.total}}


NOTE = 1_000 - NOTE_OVERHEAD_BYTES
NOTES_MAX = 2_000
"""More than any feed here holds."""


def shares_of(server: Server, clock: Clock, most: int = 50_000) -> FeedShares:
    return FeedShares(cast("Broker", server), most, clock)


async def sent(shares: FeedShares, user: str, server: Server) -> int:
    """Notes that pass until one does not; the server stores each."""
    if shares._looking is not None:  # noqa: SLF001 - what it asks is not waited for elsewhere
        await shares._looking  # noqa: SLF001 - the same
    count = 0
    while count < NOTES_MAX and shares.spend(user, NOTE):
        count += 1
        server.total += 1_000
    return count


async def test_one_user_is_stopped_at_his_share_and_another_is_not() -> None:
    server, clock = Server(1_000_000), Clock()
    shares = shares_of(server, clock)
    assert await sent(shares, "greedy", server) == 50
    assert await sent(shares, "modest", server) == 50


async def test_a_feed_that_others_fill_leaves_a_quarter_of_the_rest() -> None:
    server, clock = Server(100_000), Clock()
    server.total = 60_000
    shares = shares_of(server, clock)
    assert shares.spend("alice", NOTE)
    server.total += 1_000
    assert 8 <= await sent(shares, "alice", server) <= 10
    assert server.total <= server.capacity


async def test_many_greedy_users_never_fill_it() -> None:
    server, clock = Server(1_000_000), Clock()
    shares = shares_of(server, clock, most=10**9)
    assert shares.spend("first", NOTE)
    server.total += 1_000
    counts = [await sent(shares, f"user {number}", server) for number in range(10)]
    assert server.total < server.capacity
    assert all(count > 0 for count in counts)


async def test_what_the_feed_forgot_counts_no_more_and_leaves_nothing() -> None:
    server, clock = Server(1_000_000), Clock()
    shares = shares_of(server, clock)
    assert await sent(shares, "alice", server) == 50
    clock.now = FEED_AGE_S
    assert not shares.spend("alice", NOTE)
    clock.now = FEED_AGE_S + STEP_S + LOOK_S
    server.total = 0
    assert shares.spend("bob", NOTE)
    assert list(shares._sent) == ["bob"]  # noqa: SLF001 - memory has no other face
