"""The deliveries that an executor holds: of which jobs, how large together, which is farthest back. Pure."""

import heapq
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.domain.events import JobQueued
from shared.jetstream.delivery import Delivery

FAR_BACK_SLACK = 1_000


@dataclass(frozen=True, slots=True)
class HeldDelivery:
    """A job and the delivery that makes it this executor's to run."""

    queued: JobQueued
    delivery: Delivery
    since: datetime
    size_bytes: int


class HeldDeliveries:
    """What is held, by job."""

    def __init__(self, *, jobs_max: int, bytes_max: int) -> None:
        """The bounds are for jobs that wait for their lane; nothing is refused here."""
        self._jobs_max = jobs_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._jobs: dict[str, HeldDelivery] = {}
        self._job_at: dict[int, str] = {}
        self._far_back: list[tuple[int, str]] = []

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._jobs))

    def __getitem__(self, job_id: str) -> HeldDelivery:
        return self._jobs[job_id]

    def keep(self, queued: JobQueued, delivery: Delivery, since: datetime) -> None:
        """Hold it; a later delivery of a held job replaces the earlier one."""
        if queued.job_id in self._jobs:
            self.release(queued.job_id)
        held = HeldDelivery(queued, delivery, since, memory_bytes(queued))
        self._jobs[queued.job_id] = held
        self._job_at[delivery.sequence] = queued.job_id
        self._bytes += held.size_bytes
        heapq.heappush(self._far_back, (-delivery.sequence, queued.job_id))
        if len(self._far_back) > 2 * len(self._jobs) + FAR_BACK_SLACK:
            self._far_back = [(-sequence, job_id) for sequence, job_id in self._job_at.items()]
            heapq.heapify(self._far_back)

    def release(self, job_id: str) -> HeldDelivery:
        """Hold it no longer."""
        held = self._jobs.pop(job_id)
        del self._job_at[held.delivery.sequence]
        self._bytes -= held.size_bytes
        return held

    def job_at(self, sequence: int) -> str | None:
        """The held job that was queued at this sequence of the log."""
        return self._job_at.get(sequence)

    def has_room(self, *, besides: int) -> bool:
        """Whether one more may be held, `besides` so many that have a slot."""
        return len(self._jobs) - besides < self._jobs_max and self._bytes < self._bytes_max

    def take_farthest(self, may_go: Callable[[str], bool], *, besides: int) -> Iterator[HeldDelivery]:
        """Release what is beyond the bounds, the latest in the log first, except what may not go."""
        while self._far_back and self._is_too_much(besides):
            sequence, job_id = heapq.heappop(self._far_back)
            if self._job_at.get(-sequence) == job_id and may_go(job_id):
                yield self.release(job_id)

    def _is_too_much(self, besides: int) -> bool:
        return len(self._jobs) - besides > self._jobs_max or self._bytes > self._bytes_max


def memory_bytes(queued: JobQueued) -> int:
    """Memory of a submission's texts: where there is one emoji, each character takes four bytes."""
    files = queued.files if queued.stdin is None else (*queued.files, queued.stdin)
    texts = [part for file in files for part in (file.name, file.content)]
    pairs = [part for pairs in (queued.env, queued.labels) for pair in pairs.items() for part in pair]
    return sum(map(sys.getsizeof, (*texts, *pairs, *queued.args, *queued.artifacts)))
