"""A burst reaches the sockets while it lasts."""

import asyncio

from services.notifier.events.fanout import YIELD_EVERY_BYTES, Feeder
from services.notifier.events.hub import Hub
from services.notifier.events.item import Text
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.ordering import LiveOrder
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import Position
from services.notifier.events.subscription import Subscription
from services.notifier.transports.headrace_v1.encoding import ENCODING
from tests import builders
from tests.unit.notifier.stored import logged

SIZE = YIELD_EVERY_BYTES // 4
COUNT = 40


async def test_writers_have_a_turn_during_a_burst() -> None:
    hub = Hub()
    order = LiveOrder(Position(), is_watched=hub.is_watched, parse_subject=parse_subject)
    waiting = 0
    most = 0

    def queue(text: Text) -> bool:
        nonlocal waiting, most
        waiting += text.size
        most = max(most, waiting)
        return True

    async def write() -> None:
        nonlocal waiting
        while True:
            waiting = 0
            await asyncio.sleep(0)

    hub.add(Subscription(builders.USER, "s", None, encoding=ENCODING, send=queue, on_complete=lambda: None))
    writing = asyncio.create_task(write())
    event = builders.queued(labels={"large": "x" * SIZE})
    feeder = Feeder(order, hub, KnownEnds(Position()))
    await feeder.take_log([logged(event, sequence) for sequence in range(1, COUNT + 1)])
    writing.cancel()
    assert most < 2 * YIELD_EVERY_BYTES
