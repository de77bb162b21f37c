"""How much a follower has under way: so many messages, and no more bytes than it may hold. Pure.

Two pulls are under way at a time, and the server answers them in turn. One whose next message is larger than
the pull may bring ends without it; that message is then asked for alone.
"""

from collections.abc import Mapping

MESSAGES_MAX = 1_000
BYTES_MAX = 4 * 1024 * 1024
"""Of the messages of one pull, and of one batch, as stored. Decoded they may take four times as much."""
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""Above the largest message that the server takes (`max_payload` is 8 MB)."""

HEARTBEAT = "100"
"""The status by which the server says that it is there and has nothing to deliver."""


class EndedError(Exception):
    """The server ended a pull in a way that says that its consumer is gone."""


class Window:
    """What was asked for and is not handled yet."""

    def __init__(self, bytes_max: int) -> None:
        """Begin with nothing; `bytes_max` is for one pull."""
        self._bytes_max = bytes_max
        self._wanted = 0
        self._came = 0
        self._is_too_large = False

    def next_pull(self) -> dict[str, int] | None:
        """How many messages and bytes to ask for now; None while enough is under way."""
        if self._is_too_large:
            if self._wanted:
                return None
            self._wanted = 1
            return {"batch": 1, "max_bytes": MESSAGE_BYTES_MAX}
        if self._wanted >= MESSAGES_MAX // 2:
            return None
        count = MESSAGES_MAX - self._wanted
        self._wanted = MESSAGES_MAX
        return {"batch": count, "max_bytes": self._bytes_max}

    def arrived(self) -> None:
        """A message has come."""
        self._came += 1
        self._is_too_large = False

    def handled(self, count: int) -> None:
        """So many messages are done with."""
        self._wanted -= count

    def told(self, headers: Mapping[str, str]) -> None:
        """A status has come in place of a message. Raises EndedError if the consumer is gone."""
        status = headers["Status"]
        if status == HEARTBEAT:
            return
        if status not in {"404", "408"} and not (status == "409" and "Nats-Pending-Messages" in headers):
            raise EndedError(f"{status} {headers.get('Description', '')}")
        self._wanted -= int(headers.get("Nats-Pending-Messages", "0"))
        if "MaxBytes" in headers.get("Description", "") and not self._came:
            self._is_too_large = True
        self._came = 0
