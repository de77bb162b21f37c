"""What all connections of this process share, and how many of them there may be."""

from collections import Counter
from dataclasses import dataclass, field

from services.notifier.catch_up import CatchUp
from services.notifier.history import History
from services.notifier.hub import Hub
from services.notifier.settings import NotifierSettings
from shared.tokens import Tokens


@dataclass(slots=True)
class Members:
    """The parts that a connection uses, and the users who are connected."""

    settings: NotifierSettings
    tokens: Tokens
    hub: Hub
    history: History
    catch_up: CatchUp
    _user_of: dict[object, str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def join(self, connection: object, user_id: str) -> bool:
        """Count a connection for its user; False if there are too many."""
        if self._counts[user_id] >= self.settings.notifier_user_connections_max:
            return False
        self._user_of[connection] = user_id
        self._counts[user_id] += 1
        return True

    def leave(self, connection: object) -> None:
        """Stop counting it; leaving twice is harmless."""
        user_id = self._user_of.pop(connection, None)
        if user_id is not None:
            self._counts[user_id] -= 1
            if self._counts[user_id] == 0:
                del self._counts[user_id]
