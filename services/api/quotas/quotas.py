"""Quotas of one user, and of all users: requests a second and unfinished jobs.

Each api process counts requests by itself, so N processes allow N times as many. Unfinished jobs are counted
from the log. Jobs that other processes appended in the last milliseconds are not counted yet, and a user can
exceed the bound by no more than that.
"""

import math
import time
from collections.abc import Callable

from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.domain.shares import PLACE_PARTS, share_of
from shared.domain.token_bucket import TokenBucket
from shared.observability import metrics

BURST_S = 4
"""Size of a burst, in seconds' worth of requests."""
BUCKETS_MAX = 10_000
RETRY_FULL_S = 1
RETRY_BACKLOG_S = 5


class Quotas:
    """Counts requests and jobs, and refuses those beyond the quota."""

    def __init__(
        self, standing: UnfinishedJobs, settings: ApiSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`standing` counts unfinished jobs."""
        self._standing = standing
        self._settings = settings
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    def admit(self, caller: Caller) -> dict[str, str]:
        """Count a request; returns the RateLimit fields. Raises ProblemError (429)."""
        rate = min(caller.requests_per_s or self._settings.requests_per_s, self._settings.requests_per_s_max)
        now, most = self._clock(), rate * BURST_S
        bucket = self._buckets.get(caller.user_id)
        if bucket is None:
            self._forget_idle(now)
            bucket = self._buckets[caller.user_id] = TokenBucket(rate_per_s=rate, burst=most, now=now)
        bucket.resize(rate_per_s=rate, burst=most)
        if not bucket.take(now):
            wait_s = math.ceil(bucket.wait_s(1))
            metrics.REFUSED.labels(why="requests").inc()
            raise ProblemError(
                problems.TOO_MANY_REQUESTS,
                f"more than {rate} requests a second",
                headers={**_rate_limit(most, 0, wait_s), "Retry-After": str(wait_s)},
            )
        return _rate_limit(most, int(bucket.tokens), math.ceil(bucket.wait_s(most)))

    def check_room(self, caller: Caller) -> None:
        """Raises ProblemError (429) if the user has too many unfinished jobs.

        Raises it with 503 if the user has used up the share of what the others leave of the backlog.
        """
        most = min(
            caller.unfinished_max or self._settings.unfinished_jobs, self._settings.unfinished_jobs_max
        )
        found = sum(map(self._standing.unfinished, caller.lanes or (caller.user_id,)))
        if found >= most:
            metrics.REFUSED.labels(why="unfinished").inc()
            raise ProblemError(
                problems.TOO_MANY_JOBS,
                f"you have {found} unfinished jobs, and may have {most}",
                headers={
                    "RateLimit-Policy": f'"unfinished";q={most}',
                    "RateLimit": '"unfinished";r=0',
                    "Retry-After": str(RETRY_FULL_S),
                },
            )
        others = self._standing.total - found
        share = share_of(most=most, capacity=self._settings.backlog_max, others=others, parts=PLACE_PARTS)
        if found >= share:
            metrics.REFUSED.labels(why="backlog").inc()
            raise ProblemError(
                problems.OVERLOADED,
                f"too many jobs of all users wait: you have {found} of them, and may have {share} meanwhile",
                headers={"Retry-After": str(RETRY_BACKLOG_S)},
            )

    def _forget_idle(self, now: float) -> None:
        """Drop buckets of idle users: a full bucket equals none, and the longest idle is the fullest."""
        if len(self._buckets) >= BUCKETS_MAX:
            self._buckets = {
                user_id: bucket
                for user_id, bucket in self._buckets.items()
                if now - bucket.filled_at < BURST_S
            }
        if len(self._buckets) >= BUCKETS_MAX:
            by_age = sorted(self._buckets.items(), key=lambda one: one[1].filled_at)
            self._buckets = dict(by_age[BUCKETS_MAX // 2 :])


def _rate_limit(most: float, left: int, reset_s: int) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10."""
    return {
        "RateLimit-Policy": f'"requests";q={int(most)};w={BURST_S}',
        "RateLimit": f'"requests";r={left};t={reset_s}',
    }
