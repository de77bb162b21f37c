"""How many bytes may wait for all clients of this process, and for those of one user. Pure.

A text that several queues of a user hold is counted once. A user may hold `user_bytes_max`, and at most half
of what the others leave (`shared.domain.shares`), so that a user who holds little has room.
"""

from collections import Counter
from dataclasses import dataclass, field

from services.notifier.events.item import Text
from shared.domain.shares import PLACE_PARTS, share_of


@dataclass(slots=True)
class QueueShares:
    """What the users of this process hold."""

    user_bytes_max: int
    bytes_max: int
    reserve_bytes: int = 64 * 1024 * 1024
    """Beyond `bytes_max`, for users who hold nothing: a message of any legal size each, while it lasts."""
    held_bytes: int = 0
    _of_user: Counter[str] = field(default_factory=Counter)

    def has_room(self, user_id: str, size: int, *, is_first: bool) -> bool:
        """Whether this user may hold so much more. The last quarter is for queues that hold nothing yet."""
        held = self._of_user[user_id]
        if held == 0:
            return self.held_bytes + size <= self.bytes_max + self.reserve_bytes
        most = self.user_bytes_max if is_first else self.user_bytes_max // 4 * 3
        others = self.held_bytes - held
        return held + size <= share_of(most=most, capacity=self.bytes_max, others=others, parts=PLACE_PARTS)

    def held_by(self, user_id: str) -> int:
        """Bytes that wait for one user."""
        return self._of_user[user_id]

    def add(self, user_id: str, size: int) -> None:
        """Count more, or with a negative size less."""
        self.held_bytes += size
        self._of_user[user_id] += size
        if self._of_user[user_id] == 0:
            del self._of_user[user_id]


@dataclass(slots=True)
class QueueShare:
    """What one connection adds to the share of its user."""

    shares: QueueShares
    user_id: str = ""
    """Empty until the connection has proved whose it is; it holds no bulk before."""

    def has_room(self, size: int, *, is_first: bool) -> bool:
        """Whether so much may be added, by a queue that holds nothing yet, or by another."""
        return self.shares.has_room(self.user_id, size, is_first=is_first)

    def take(self, text: Text, *, is_first: bool) -> bool:
        """Hold a text too; False if there is no room for it."""
        if text.holders == 0:
            if not self.has_room(text.held_bytes, is_first=is_first):
                return False
            self.shares.add(self.user_id, text.held_bytes)
        text.holders += 1
        return True

    def release(self, text: Text) -> None:
        """Hold it no longer."""
        text.holders -= 1
        if text.holders == 0:
            self.shares.add(self.user_id, -text.held_bytes)
