"""What is known of a user's part of a store: asked when it must be, counted on, forgotten in time."""

from typing import Any, cast

import pytest

from services.api.stores import KNOWN_S, USERS_MAX, Store
from shared.broker import Broker
from shared.problems import ProblemError

MOST = 1_000


class Server:
    """A stream of which everybody's bytes are known."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.users: dict[str, int | None] = {}
        self.asked: list[str] = []
        self.now = 0.0

    async def api(self, subject: str) -> dict[str, Any]:
        assert subject == "STREAM.INFO.S"
        total = sum(size or 0 for size in self.users.values())
        return {"config": {"max_bytes": self.capacity}, "state": {"bytes": total}}

    async def ask(self, user_id: str) -> int | None:
        self.asked.append(user_id)
        return self.users.get(user_id, 0)

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
