"""Limits each user's share of the feed, so that one user's output does not displace another's.

The feed rejects new notes when it is full instead of dropping the oldest. Each executor sends no more for a
user than the user's share: what it sent within the feed's age, against what all other users leave free.
Further notes are left out, which a watcher is told once; the terminal event has all output that was kept.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from shared.contract.subjects import FEED
from shared.domain.shares import STORE_PARTS, share_of
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

FEED_AGE_S = 600.0
STEP_S = 10.0
"""Sent bytes are counted in intervals of this length, each dropped as a whole."""

LOOK_S = 1.0
NOTE_OVERHEAD_BYTES = 256


class FeedShares:
    """What this executor sent for each user, and how full the feed is."""

    def __init__(self, broker: Broker, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """A user may have `most` bytes of the feed, and a quarter of what others leave."""
        self._broker = broker
        self._most = most
        self._clock = clock
        self._sent: dict[str, deque[list[float]]] = {}
        self._capacity: int | None = None
        self._total = 0
        self._looked_at = -LOOK_S
        self._looking: asyncio.Task[None] | None = None

    def spend(self, user_id: str, size: int, *, beyond: int = 1) -> bool:
        """Count a note about to be sent; False if it exceeds `beyond` times the user's share."""
        now = self._clock()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self._forget(now)
            self._looking = asyncio.ensure_future(self._look())
        size += NOTE_OVERHEAD_BYTES
        used = self._used_bytes(user_id)
        if used + size > beyond * self._share(used):
            metrics.SHARES_REFUSED.labels(store="feed").inc()
            return False
        steps = self._sent.setdefault(user_id, deque())
        if not steps or now - steps[-1][0] >= STEP_S:
            steps.append([now, 0])
        steps[-1][1] += size
        self._total += size
        return True

    def _share(self, used: int) -> int:
        if self._capacity is None:
            return self._most
        others = max(0, self._total - used)
        return share_of(most=self._most, capacity=self._capacity, others=others, parts=STORE_PARTS)

    def _used_bytes(self, user_id: str) -> int:
        return int(sum(size for _, size in self._sent.get(user_id, ())))

    def _forget(self, now: float) -> None:
        """Drop what the feed has dropped by now."""
        for user_id, steps in list(self._sent.items()):
            while steps and now - steps[0][0] >= FEED_AGE_S + STEP_S:
                steps.popleft()
            if not steps:
                del self._sent[user_id]

    async def _look(self) -> None:
        try:
            info = await self._broker.api(f"STREAM.INFO.{FEED}")
        except BrokerError as error:
            logger.warning("feed_unknown", why=str(error))
            return
        capacity = int(info["config"].get("max_bytes", -1))
        self._capacity = None if capacity < 0 else capacity
        self._total = int(info["state"]["bytes"])
