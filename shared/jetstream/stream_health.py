"""Checks that the log can take events: it has a leader, and the leader reaches a quorum of replicas.

It polls every two seconds, because nothing else shows a lost quorum: reads from one replica go on, and a
leader without replicas still answers for about fifteen seconds.
"""

import asyncio
from typing import Any

from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError, LeaderlessError

ASK_EVERY_S = 2.0
UNANSWERED_MAX_S = 5.0
OUT_OF_TOUCH_NS = 5_000_000_000
"""A replica silent for longer counts as lost (ns). Leaders send a heartbeat every second."""


class StreamHealth:
    """Polls the state of JOBS; `unready_reason` reports the result."""

    def __init__(self, broker: Broker) -> None:
        """Start as healthy: a starting service has just read the log."""
        self._broker = broker
        self._clock = asyncio.get_running_loop().time
        self._answered_at = self._clock()
        self._silence = ""
        self._is_leaderless = False
        self._state: dict[str, Any] = {}

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                answer = await self._broker.api(f"STREAM.INFO.{JOBS}")
            except BrokerError as error:
                self._silence = str(error)
                self._is_leaderless = isinstance(error, LeaderlessError)
            else:
                self._answered_at, self._is_leaderless = self._clock(), False
                self._state = {"last_sequence": answer["state"]["last_seq"], **(answer.get("cluster") or {})}
            await asyncio.sleep(ASK_EVERY_S)

    def unready_reason(self) -> str | None:
        """None while events can be appended; else the missing leader or replicas."""
        silent_s = self._clock() - self._answered_at
        if self._is_leaderless:
            return f"{JOBS} has had no leader for {silent_s:.0f} s"
        if silent_s > UNANSWERED_MAX_S:
            return f"{JOBS} has not answered for {silent_s:.0f} s: {self._silence}"
        replicas = self._state.get("replicas", [])
        gone = [each["name"] for each in replicas if not _is_in_touch(each)]
        if 2 * len(gone) > len(replicas):
            return f"{JOBS} has no quorum: its leader {self._state['leader']} has lost {', '.join(gone)}"
        return None

    def diagnostics(self) -> dict[str, Any]:
        """The log's leader and the state of its replicas."""
        return {
            "answered_s_ago": round(self._clock() - self._answered_at, 1),
            "leader": self._state.get("leader"),
            "last_sequence": self._state.get("last_sequence"),
            "replicas": [
                {
                    "name": each["name"],
                    "current": each["current"],
                    "in_touch": _is_in_touch(each),
                    "behind": each.get("lag", 0),
                }
                for each in self._state.get("replicas", [])
            ],
        }


def _is_in_touch(replica: dict[str, Any]) -> bool:
    return not replica.get("offline", False) and replica.get("active", 0) < OUT_OF_TOUCH_NS
