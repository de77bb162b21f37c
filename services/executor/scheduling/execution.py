"""One job that has a slot in this executor, and the ways in which its program can be stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from services.executor.scheduling.actions import StopReason
from shared.domain.events import JobQueued


def _no_listener(attempt: int) -> None:
    """Nothing else needs the attempt's number."""


@dataclass(slots=True)
class Execution:
    """A job that has a slot. `attempt` is 0 until its attempt is in the log."""

    queued: JobQueued
    on_attempt: Callable[[int], None] = _no_listener
    attempt: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_reason: StopReason | None = None

    def set_attempt(self, attempt: int) -> None:
        """The attempt is in the log: from now on a later one supersedes it."""
        self.attempt = attempt
        self.on_attempt(attempt)

    def ask_to_stop(self, reason: StopReason) -> None:
        """End its program soon; the first reason stays."""
        if self.stop_reason is None:
            self.stop_reason = reason
        self.stop.set()
