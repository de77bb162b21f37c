"""What is known of a user's part of a store: asked when it must be, counted on, forgotten in time."""

from typing import Any, cast

import pytest

from services.api.quotas.stored_bytes import KNOWN_S, USERS_MAX, Counted, Store
from shared.contract.problems import ProblemError
from shared.jetstream.connection import Broker

MOST = 1_000


class Server:
    """A stream of which everybody's bytes are known."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.users: dict[str, int | None] = {}
        self.asked: list[str] = []
        self.through: int | None = None
        self.now = 0.0

    async def api(self, subject: str) -> dict[str, Any]:
        assert subject == "STREAM.INFO.S"
        total = sum(size or 0 for size in self.users.values())
        return {"config": {"max_bytes": self.capacity}, "state": {"bytes": total}}

    async def ask(self, user_id: str) -> Counted | None:
        self.asked.append(user_id)
        used = self.users.get(user_id, 0)
        return None if used is None else Counted(used, self.through)

    def store(self, reserve_parts: int = 0) -> Store:
        return Store(
            cast("Broker", self), "S", self.ask, name="s", reserve_parts=reserve_parts, clock=lambda: self.now
        )


async def test_while_the_store_is_nearly_empty_nobody_is_asked_about() -> None:
    server = Server(100_000)
    await server.store().take("alice", MOST, MOST)
    assert server.asked == []


async def test_who_holds_his_share_is_refused_and_another_is_not() -> None:
    server = Server(100_000)
    server.users = {"alice": 950, "others": 20_000}
    store = server.store()
    await store.take("alice", MOST, 50)
    with pytest.raises(ProblemError, match="you hold 1000 of 1000 bytes, and this needs 1"):
        await store.take("alice", MOST, 1)
    await store.take("bob", MOST, MOST)


async def test_a_nearly_full_store_still_takes_a_part_of_the_rest_from_a_newcomer() -> None:
    server = Server(100_000)
    server.users = {"others": 98_000}
    store = server.store()
    await store.take("bob", MOST, 500)
    with pytest.raises(ProblemError):
        await store.take("bob", MOST, 1)


async def test_the_reserve_is_shared_out_to_nobody() -> None:
    server = Server(100_000)
    server.users = {"others": 75_000}
    with pytest.raises(ProblemError):
        await server.store(reserve_parts=4).take("bob", MOST, 1)
    await server.store().take("bob", MOST, 1)


async def test_without_an_answer_what_this_process_stored_is_counted() -> None:
    server = Server(10_000)
    server.users = {"others": 6_000, "bob": None}
    store = server.store()
    await store.take("bob", MOST, 600)
    server.now += 2 * KNOWN_S
    with pytest.raises(ProblemError):
        await store.take("bob", MOST, 600)


async def test_what_is_freed_is_known_after_a_moment() -> None:
    server = Server(100_000)
    server.users = {"alice": 1_000, "others": 20_000}
    store = server.store()
    with pytest.raises(ProblemError):
        await store.take("alice", MOST, 1)
    server.users["alice"] = 0
    server.now += KNOWN_S
    await store.take("alice", MOST, MOST)


async def test_no_more_users_are_known_than_may_be() -> None:
    server = Server(10**9)
    server.users = {"others": 10**8}
    store = server.store()
    for number in range(USERS_MAX + 10):
        await store.take(f"user {number}", MOST, 1)
    assert len(store._users) == USERS_MAX  # noqa: SLF001 - memory has no other face


async def test_what_the_answer_does_not_count_yet_is_counted_on() -> None:
    """The view is behind the log: it knows sequence 6, and the second job is 7."""
    server = Server(100_000)
    server.users = {"alice": 0, "others": 20_000}
    server.through = 4
    store = server.store()
    for sequence, size in ((5, 300), (7, 500)):
        addition = await store.take("alice", MOST, size)
        with store.storing(addition):
            addition.sequence = sequence
    server.users["alice"], server.through = 300, 6
    server.now += 2 * KNOWN_S
    assert (await store.usage("alice", MOST)).used == 800
    with pytest.raises(ProblemError, match="you hold 800 of 1000 bytes"):
        await store.take("alice", MOST, 201)
    server.users["alice"], server.through = 800, 7
    server.now += 2 * KNOWN_S
    assert (await store.usage("alice", MOST)).used == 800


async def test_what_was_not_stored_is_not_counted() -> None:
    server = Server(100_000)
    server.users = {"others": 20_000}
    server.through = 4
    store = server.store()
    assert (await store.usage("alice", MOST)).used == 0
    addition = await store.take("alice", MOST, 600)
    under_way = await store.take("alice", MOST, 300)
    with pytest.raises(OSError, match="no"), store.storing(addition):
        raise OSError("no")
    assert (await store.usage("alice", MOST)).used == 300
    server.now += 2 * KNOWN_S
    assert (await store.usage("alice", MOST)).used == 300
    with store.storing(under_way):
        under_way.sequence = 5
    server.now += 2 * KNOWN_S
    assert (await store.usage("alice", MOST)).used == 300
