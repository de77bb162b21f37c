"""Token bucket: limits events to a rate, and lets a burst through at once. Pure: the caller passes the time.

RFC 2697 and RFC 2698 describe the bucket. Every rate limit of Headrace uses it: requests of a user, messages
and frames of a connection.
"""


class TokenBucket:
    """Holds at most `burst` tokens and gains `rate_per_s` of them a second; one event takes one token."""

    __slots__ = ("_burst", "_filled_at", "_rate_per_s", "_tokens")

    def __init__(self, *, rate_per_s: float, burst: float, now: float) -> None:
        """Start full. `now` is in seconds, by any clock that never goes back."""
        self._rate_per_s = rate_per_s
        self._burst = self._tokens = burst
        self._filled_at = now

    @property
    def tokens(self) -> float:
        """What the last `take` has left."""
        return self._tokens

    @property
    def filled_at(self) -> float:
        """When the tokens were last counted: the time (s) of the last `take`."""
        return self._filled_at

    def resize(self, *, rate_per_s: float, burst: float) -> None:
        """Change the limits. The next `take` applies them to the whole time since the one before."""
        self._rate_per_s = rate_per_s
        self._burst = burst

    def take(self, now: float) -> bool:
        """Take one token for an event; False, and nothing taken, if there is none."""
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate_per_s)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait_s(self, tokens: float) -> float:
        """Seconds from the last `take` until the bucket holds `tokens`, if no event takes any meanwhile."""
        return max(0.0, tokens - self._tokens) / self._rate_per_s
