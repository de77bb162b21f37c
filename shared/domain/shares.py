"""How much of what all users have in common one user may hold: a fixed most, and a part of what others leave.

A store or a place has a capacity. A user may hold at most `most` of it, and at most one part in `PARTS` of
what all others leave free, rounded up. So a share shrinks as the others' holdings grow, whoever is within his
share always finds room, and each further user still gets a part of the rest (docs/decisions/0031). Pure.

The second rule is that of dynamic thresholds for shared memory (Choudhury and Hahne, IEEE/ACM Transactions on
Networking 6(2), 1998).
"""

from collections import Counter

PLACE_PARTS = 2
"""Places come back within seconds or minutes: one user may have half of what the others leave."""

STORE_PARTS = 4
"""Stores keep for days: a quarter, so that many users one after the other still find a fair part."""

FILE_OVERHEAD_BYTES = 1_024
"""What a stored file costs beside its content: its description, and the frame of a chunk."""


def file_bytes(size: int) -> int:
    """About what the store of artifacts keeps for a file, so that empty files count as well."""
    return size + FILE_OVERHEAD_BYTES


def share_of(*, most: int, capacity: int, others: int, parts: int) -> int:
    """The most that a user may hold in all while the others hold `others`; never more than they leave."""
    left = max(0, capacity - others)
    return max(0, min(most, -(-left // parts)))


class Places:
    """Counts who holds how many of a bounded number of places; refuses whoever is over his share."""

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
        """How many the user may hold in all, at present."""
        others = self._total - self.held(user_id)
        return share_of(most=most, capacity=self._capacity, others=others, parts=self._parts)

    def take(self, user_id: str, most: int) -> bool:
        """Take one, if the user's share has room for it."""
        if self.held(user_id) >= self.share(user_id, most):
            return False
        self._held[user_id] += 1
        self._total += 1
        return True

    def leave(self, user_id: str) -> None:
        """Give one back."""
        self._held[user_id] -= 1
        self._total -= 1
        if not self._held[user_id]:
            del self._held[user_id]
