"""Checks each user's share of the log and of the saved sessions.

A user's usage is requested when it is needed and cached for KNOWN_S. Bytes that this process has stored
since, and that the reply does not include because the view lags, are added. So a user can exceed the share by
no more than other api processes store for the user within KNOWN_S and the view's lag; for the log, also by
the events that executors append for accepted jobs, which are never refused.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.domain.shares import STORE_PARTS, share_of
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.observability import metrics

KNOWN_S = 2.0
USERS_MAX = 4_096
"""Users whose usage is cached at a time; the usage of others is requested again."""

ADDED_MAX = 10_000
"""Additions of this process that no reply includes yet; beyond this number the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A user's usage as of one sequence of the stream; None for everything stored."""

    used: int
    through: int | None = None


Ask = Callable[[str], Awaitable[Counted | None]]


@dataclass(slots=True, eq=False)
class Addition:
    """Bytes that are being stored; `sequence` is where they were stored, None before."""

    user_id: str
    size: int
    sequence: int | None = None


@dataclass(slots=True)
class _Known:
    used: int
    until: float


@dataclass(frozen=True, slots=True)
class Held:
    """A user's usage of a store, and the current share."""

    used: int
    share: int


class Store:
    """One stream in which every user has a share."""

    def __init__(
        self,
        broker: Broker,
        stream: str,
        ask: Ask,
        *,
        name: str,
        reserve_parts: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` returns a user's usage, None if it is unknown.

        One part in `reserve_parts` stays outside all shares; 0 reserves nothing.
        """
        self._broker = broker
        self._stream = stream
        self._ask = ask
        self._name = name
        self._reserve_parts = reserve_parts
        self._clock = clock
        self._users: OrderedDict[str, _Known] = OrderedDict()
        self._added: deque[Addition] = deque(maxlen=ADDED_MAX)
        self._total = _Known(0, -1.0)
        self._capacity: int | None = None

    async def usage(self, user_id: str, most: int) -> Held:
        """The user's current usage and share. Raises BrokerError."""
        used = await self._count_used(user_id)
        await self._look()
        return Held(used, self._share(most, others=max(0, self._total.used - used)))

    async def take(self, user_id: str, most: int, size: int) -> Addition:
        """Add bytes to the user's usage, which are stored within `storing`.

        Raises ProblemError (507) if the user's share has no room, BrokerError.
        """
        await self._look()
        if self._total.used + size > self._share(most, others=self._total.used):
            # Otherwise there is room even if this user held all stored bytes: no request needed.
            await self._check(user_id, most, size)
        addition = Addition(user_id, size)
        self._added.append(addition)
        self._count(user_id, size)
        return addition

    @contextmanager
    def storing(self, addition: Addition) -> Iterator[None]:
        """Count the addition while it is stored.

        If it has no sequence afterwards, it was not stored, or the next reply includes it.
        """
        try:
            yield
        finally:
            if addition.sequence is None:
                with suppress(ValueError):
                    self._added.remove(addition)
                self._count(addition.user_id, -addition.size)

    def _count(self, user_id: str, size: int) -> None:
        self._total.used += size
        if user_id in self._users:
            self._users[user_id].used += size

    async def _check(self, user_id: str, most: int, size: int) -> None:
        held = await self.usage(user_id, most)
        if held.used + size <= held.share:
            return
        metrics.SHARES_REFUSED.labels(store=self._name).inc()
        raise ProblemError(
            problems.STORAGE_FULL,
            f"your share of {self._name}: you hold {held.used} of {held.share} bytes, and this needs {size}",
            headers={
                "RateLimit-Policy": f'"{self._name}";q={held.share};qu="content-bytes"',
                "RateLimit": f'"{self._name}";r={max(0, held.share - held.used)}',
            },
        )

    def _share(self, most: int, *, others: int) -> int:
        if self._capacity is None:
            return most
        return share_of(most=most, capacity=self._capacity, others=others, parts=STORE_PARTS)

    async def _count_used(self, user_id: str) -> int:
        known = self._users.get(user_id)
        now = self._clock()
        if known is not None and now < known.until:
            return known.used
        counted = await self._ask(user_id)
        if counted is not None:
            self._forget(counted.through)
        if counted is None and known is not None:
            # The old usage is the best known; this process keeps adding to it.
            used = known.used
        else:
            used = 0 if counted is None else counted.used
            used += sum(one.size for one in self._added if one.user_id == user_id)
        self._users[user_id] = _Known(used, now + KNOWN_S)
        self._users.move_to_end(user_id)
        if len(self._users) > USERS_MAX:
            self._users.popitem(last=False)
        return used

    def _forget(self, through: int | None) -> None:
        """Drop additions that the newest reply includes.

        An older reply that arrives later lacks them until the next one.
        """
        self._added = deque(
            (
                one
                for one in self._added
                if one.sequence is None or (through is not None and one.sequence > through)
            ),
            maxlen=ADDED_MAX,
        )

    async def _look(self) -> None:
        """Update the fill level of the stream, unless it is fresh."""
        now = self._clock()
        if now < self._total.until:
            return
        # Set first, so that only one task asks; the others use the old value meanwhile.
        self._total.until = now + KNOWN_S
        try:
            info = await self._broker.api(f"STREAM.INFO.{self._stream}")
        except BrokerError:
            # The next append reports the failure.
            return
        capacity = int(info["config"].get("max_bytes", -1))
        if capacity >= 0:
            self._capacity = capacity - (capacity // self._reserve_parts if self._reserve_parts else 0)
        self._total = _Known(int(info["state"]["bytes"]), now + KNOWN_S)
