"""Acknowledgement subjects: what JetStream writes in the reply subject of each delivered message."""

from datetime import UTC, datetime, timedelta

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AckMetadata(msgspec.Struct, frozen=True):
    """What JetStream writes in the reply subject of a delivered message."""

    delivered: int
    stream_sequence: int
    consumer_sequence: int
    stored_at: datetime
    pending: int


def parse_mark(reply: str) -> AckMetadata:
    """Parse an acknowledgement subject of either form; the number of tokens tells which."""
    tokens = reply.split(".")
    first = 4 if len(tokens) == 9 else 6
    delivered, stream, consumer, stored_ns, pending = tokens[first : first + 5]
    stored_at = _EPOCH + timedelta(microseconds=int(stored_ns) // 1000)
    return AckMetadata(int(delivered), int(stream), int(consumer), stored_at, int(pending))
