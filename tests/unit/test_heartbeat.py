"""A connection that has stopped working altogether is noticed, and one that only reconnects is not."""

import asyncio

import pytest

from shared.jetstream import heartbeat
from shared.jetstream.heartbeat import Pulse


class Link:
    """A client whose server never answers."""

    def __init__(self) -> None:
        self.stats = {"reconnects": 0}
        self.is_connected = True
        self.left = asyncio.Event()

    async def rtt(self, timeout: int) -> float:  # noqa: ASYNC109 - as in the protocol
        async with asyncio.timeout(timeout):
            await asyncio.Event().wait()
        return 0.0

    async def force_reconnect(self) -> None:
        self.is_connected = False
        self.left.set()


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "PING_EVERY_S", 0.01)
    monkeypatch.setattr(heartbeat, "OVERDUE_S", 0.05)
    monkeypatch.setattr(heartbeat, "PAUSED_S", 0.05)
    monkeypatch.setattr(heartbeat, "LOST_AFTER_S", 0.5)


async def test_a_silent_server_is_left_and_then_given_up() -> None:
    link = Link()
    watched = Pulse(link)
    async with asyncio.timeout(30):
        await watched.run()
    assert link.left.is_set()
    watched.stop()


async def test_tries_to_reconnect_are_signs_of_life() -> None:
    link = Link()
    watched = Pulse(link)
    running = asyncio.create_task(watched.run())
    async with asyncio.timeout(30):
        await link.left.wait()
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began < 2 * heartbeat.LOST_AFTER_S:
            watched.record_answer()
            await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    watched.stop()
