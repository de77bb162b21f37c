"""Lanes of the user in whose name requests without a token are: one lane for each session's hash.

Jobs of one user run one after the other, so that all pages would wait for each other. A lane is a user of its
own, `<name>:<two hex digits>`. Sessions of equal hash share one, as the number of lanes is bounded: so are
the bytes and the unfinished jobs of all of them together.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from services.api.settings import ApiSettings
from shared.auth import LOG_CLAIM, SCOPE_JOBS, SESSIONS_CLAIM, Caller

LANES = 256
NEVER = datetime.max.replace(tzinfo=UTC)


class SessionLanes:
    """The caller of requests without a token, and the one of each lane."""

    def __init__(self, settings: ApiSettings) -> None:
        """`anonymous` is None without `HEADRACE_LIVECODE_USER`."""
        name = settings.livecode_user
        lanes = tuple(f"{name}:{number:02x}" for number in range(LANES))
        self._owners = frozenset({name, *lanes})
        self._shares = {
            LOG_CLAIM: max(1, settings.user_log_bytes_max // LANES),
            SESSIONS_CLAIM: max(1, settings.user_sessions_bytes_max // LANES),
        }
        self.anonymous: Caller | None = (
            Caller(name, frozenset({SCOPE_JOBS}), NEVER, lanes=(name, *lanes)) if name else None
        )

    def of(self, caller: Caller, session_id: str | None) -> Caller:
        """In whose name a request about this session is; only that of the anonymous caller differs."""
        if caller is not self.anonymous or not session_id:
            return caller
        number = hashlib.sha256(session_id.encode(errors="replace")).digest()[0]
        return replace(caller, user_id=f"{caller.user_id}:{number:02x}", shares=self._shares)

    def owns(self, user_id: str) -> bool:
        """Whether a user is the anonymous one or a lane of it."""
        return user_id in self._owners
