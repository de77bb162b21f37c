"""Shares of bytes held by current requests in this process: per user, and in total."""

from collections import Counter

from shared.contract import problems
from shared.contract.problems import Problem
from shared.domain.shares import PLACE_PARTS, share_of
from shared.observability import metrics


class ByteShares:
    """Held bytes of one kind. `name` is the metrics label of refusals."""

    def __init__(self, name: str, description: str, *, user_bytes_max: int, bytes_max: int) -> None:
        """Start with none held; `description` names the bytes in messages to users."""
        self._name = name
        self._description = description
        self._user_bytes_max = user_bytes_max
        self._bytes_max = bytes_max
        self._of_user: Counter[str] = Counter()
        self._total = 0

    def take(self, user_id: str, size: int) -> Problem | None:
        """Take `size` bytes of the user's share; returns a problem if there is no room."""
        held = self._of_user.get(user_id, 0)
        share = share_of(
            most=self._user_bytes_max, capacity=self._bytes_max, others=self._total - held, parts=PLACE_PARTS
        )
        if held + size > share:
            metrics.REFUSED.labels(why=self._name).inc()
            detail = (
                f"{held} bytes of {self._description} are under way, and {share} may be: wait, then ask again"
            )
            return Problem(problems.TOO_MANY_BODIES, detail, (), self._retry_after(share, held))
        self._of_user[user_id] = held + size
        self._total += size
        return None

    def give_back(self, user_id: str, size: int) -> None:
        """Release bytes."""
        self._total -= size
        self._of_user[user_id] -= size
        if not self._of_user[user_id]:
            del self._of_user[user_id]

    def _retry_after(self, share: int, held: int) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10, in bytes."""
        return {
            "RateLimit-Policy": f'"{self._name}";q={share};qu="content-bytes"',
            "RateLimit": f'"{self._name}";r={max(0, share - held)}',
            "Retry-After": "1",
        }
