"""A user's share of a common resource: a fixed maximum, and a part of what the other users leave free. Pure.

A store or a set of places has a capacity. A user may hold at most `most` of it, and at most one part in
`PARTS` of what all others leave free, rounded up. So a share shrinks as the others' holdings grow, a user
within the share always finds room, and each further user still gets a part of the rest (docs/decisions/0031).

The second rule is that of dynamic thresholds for shared memory (Choudhury and Hahne, IEEE/ACM Transactions on
Networking 6(2), 1998).
"""

from collections import Counter

PLACE_PARTS = 2
"""Places are freed within seconds or minutes: one user may have half of what the others leave."""

STORE_PARTS = 4
"""Stores keep data for days: a quarter, so that many users in succession still get a fair part."""

FILE_OVERHEAD_BYTES = 1_024
"""Bytes of a stored file beside its content: its description, and the frame of a chunk."""


def file_bytes(size: int) -> int:
    """Approximate bytes of a file in the store of artifacts; empty files count as well."""
    return size + FILE_OVERHEAD_BYTES


def share_of(*, most: int, capacity: int, others: int, parts: int) -> int:
    """The total that a user may hold while the others hold `others`; never more than they leave."""
    left = max(0, capacity - others)
    return max(0, min(most, -(-left // parts)))


class Places:
    """Counts the places that each user holds of a bounded number; refuses a user over the share."""

    def __init__(self, capacity: int, parts: int = PLACE_PARTS) -> None:
        """All are free."""
        self._capacity = capacity
        self._parts = parts
        self._held: Counter[str] = Counter()
        self._total = 0

    @property
    def total(self) -> int:
        """Places taken by all."""
        return self._total

    def held(self, user_id: str) -> int:
        """Places taken by one user."""
        return self._held.get(user_id, 0)

    def share(self, user_id: str, most: int) -> int:
        """The total that the user may hold at present."""
        others = self._total - self.held(user_id)
        return share_of(most=most, capacity=self._capacity, others=others, parts=self._parts)

    def take(self, user_id: str, most: int) -> bool:
        """Take a place, if the user's share has room; returns whether it was taken."""
        if self.held(user_id) >= self.share(user_id, most):
            return False
        self._held[user_id] += 1
        self._total += 1
        return True

    def leave(self, user_id: str) -> None:
        """Give a place back."""
        self._held[user_id] -= 1
        self._total -= 1
        if not self._held[user_id]:
            del self._held[user_id]
