"""What an operator sees of an executor: read when /metrics is asked for.

All but the slots and what is delayed is the log's, so every executor that has caught up shows the same.
"""

import asyncio
from datetime import UTC, datetime

from services.executor.sandbox.interface import Sandbox
from services.executor.scheduling.delayed_deliveries import DelayedDeliveries
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.observability import metrics


def show(slots: int, unfinished: UnfinishedJobs, delayed: DelayedDeliveries, sandbox: Sandbox) -> None:
    """Let /metrics ask for these from now on."""
    clock = asyncio.get_running_loop().time
    metrics.SLOTS.set(slots)
    metrics.CELLS_READY.set_function(lambda: getattr(sandbox, "cells_ready", 0))
    metrics.JOBS_PARKED.set_function(lambda: delayed.count(clock()))
    metrics.JOBS_UNFINISHED.set_function(lambda: len(unfinished))
    metrics.JOBS_STARTABLE.set_function(lambda: len(unfinished.startable))
    metrics.LANES.set_function(unfinished.lanes.count)
    metrics.OLDEST_QUEUED.set_function(lambda: _age_s(unfinished.oldest_queued()))
    metrics.OLDEST_STARTABLE.set_function(lambda: _age_s(unfinished.oldest_startable()))


def _age_s(accepted: datetime | None) -> float:
    """By two clocks, the api's and ours, so never below 0."""
    return 0.0 if accepted is None else max(0.0, (datetime.now(UTC) - accepted).total_seconds())
