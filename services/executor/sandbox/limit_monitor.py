"""Watches the clock and the usage of one running program, and ends it at the first limit."""

import asyncio
import time
from collections.abc import Callable

from services.executor.sandbox.cgroups.interface import CellGroup
from services.executor.sandbox.interface import Stop
from shared.domain.events import Limits


class Watch:
    """Calls `kill` at the first limit that is reached. Runs in the event loop."""

    def __init__(
        self,
        group: CellGroup,
        limits: Limits,
        *,
        poll_s: float,
        kill: Callable[[], None],
        idle_s: float | None = None,
    ) -> None:
        """Start with nothing watched; `kill` may be called more than once.

        `idle_s` is the longest time without `touch`.
        """
        self._loop = asyncio.get_running_loop()
        self._group = group
        self._limits = limits
        self._poll_s = poll_s
        self._kill = kill
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._over = False
        self._idle_s = idle_s
        self.stop: Stop | None = None
        self._began = self._ended = self._touched = time.monotonic()

    @property
    def wall_ms(self) -> int:
        """From the last `begin` to the end."""
        return round((self._ended - self._began) * 1000)

    def begin(self) -> None:
        """Begin, or begin again, so that making the cell is not counted as wall time."""
        self._began = self._ended = self._touched = time.monotonic()
        self._later("wall", self._limits.wall_ms / 1000, lambda: self.end("wall_time"))
        self._later("poll", self._poll_s, self._poll)

    def touch(self) -> None:
        """The program was given input, or has printed something."""
        self._touched = time.monotonic()

    def end(self, stop: Stop) -> None:
        """Kill; the first reason given stands. Nothing happens if the program has ended by itself."""
        if not self._over:
            self.stop = self.stop or stop
            self._kill()

    def mark_ended(self) -> None:
        """The program has ended, for whatever reason."""
        if not self._over:
            self._over = True
            self._ended = time.monotonic()

    def close(self) -> None:
        """Stop all clocks."""
        for timer in self._timers.values():
            timer.cancel()

    def _later(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._loop.call_later(delay_s, action)

    def _poll(self) -> None:
        try:
            usage = self._group.usage()
        except OSError:
            # The group was removed from outside: usage is no longer counted, so nothing may run. The verdict
            # fails too.
            self._kill()
            return
        if usage.memory_exceeded:
            self.end("memory")
        elif usage.cpu_ms >= self._limits.cpu_ms:
            self.end("cpu_time")
        elif self._idle_s is not None and time.monotonic() - self._touched > self._idle_s:
            self.end("idle")
        self._later("poll", self._poll_s, self._poll)
