"""Bounds a follower's pulls in messages and bytes. Pure.

Two pulls are outstanding at a time, and the server answers them in turn. If the next message is larger than a
pull's `max_bytes`, that pull ends without it; the message is then pulled alone.
"""

from collections.abc import Mapping

MESSAGES_MAX = 1_000
BYTES_MAX = 4 * 1024 * 1024
"""Stored bytes of one pull, and of one batch. Decoded messages may take four times as much."""
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""Above the server's largest message (`max_payload` is 8 MB)."""

HEARTBEAT = "100"
"""Status code of an idle heartbeat."""


class EndedError(Exception):
    """The server ended a pull because its consumer is gone."""


class Window:
    """Outstanding pulls and unhandled messages."""

    def __init__(self, bytes_max: int) -> None:
        """Start without pulls; `bytes_max` bounds one pull."""
        self._bytes_max = bytes_max
        self._requested = 0
        self._arrived = 0
        self._is_too_large = False

    def next_pull(self) -> dict[str, int] | None:
        """The bounds of the next pull; None while enough is outstanding."""
        if self._is_too_large:
            if self._requested:
                return None
            self._requested = 1
            return {"batch": 1, "max_bytes": MESSAGE_BYTES_MAX}
        if self._requested >= MESSAGES_MAX // 2:
            return None
        count = MESSAGES_MAX - self._requested
        self._requested = MESSAGES_MAX
        return {"batch": count, "max_bytes": self._bytes_max}

    def count_arrived(self) -> None:
        """Count one received message."""
        self._arrived += 1
        self._is_too_large = False

    def count_handled(self, count: int) -> None:
        """Count handled messages."""
        self._requested -= count

    def take_status(self, headers: Mapping[str, str]) -> None:
        """Take a status message. Raises EndedError if the consumer is gone."""
        status = headers["Status"]
        if status == HEARTBEAT:
            return
        if status not in {"404", "408"} and not (status == "409" and "Nats-Pending-Messages" in headers):
            raise EndedError(f"{status} {headers.get('Description', '')}")
        self._requested -= int(headers.get("Nats-Pending-Messages", "0"))
        if "MaxBytes" in headers.get("Description", "") and not self._arrived:
            self._is_too_large = True
        self._arrived = 0
