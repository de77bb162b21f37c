"""Whether the log can take events: it has a leader, and the leader is in touch with enough replicas.

Asked every two seconds, because nothing else tells: readers of one replica go on without a quorum, and a
leader that has lost its replicas still answers for some fifteen seconds.
"""

import asyncio
from typing import Any

from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker, BrokerError, LeaderlessError

ASK_EVERY_S = 2.0
UNANSWERED_MAX_S = 5.0
OUT_OF_TOUCH_NS = 5_000_000_000
"""Replicas hear of their leader every second."""


class StreamHealth:
    """Asks for the state of JOBS; `unready_reason` is what came of it."""

    def __init__(self, broker: Broker) -> None:
        """Begin with nothing wrong: a service that begins has read the log."""
        self._broker = broker
        self._clock = asyncio.get_running_loop().time
        self._answered_at = self._clock()
        self._silence = ""
        self._is_leaderless = False
        self._state: dict[str, Any] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
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
        """None while events can be appended; else what is missing."""
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
        """Who leads the log, and how its replicas are."""
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
