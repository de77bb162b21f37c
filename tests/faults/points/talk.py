"""A program that talks, for services to die while it is given its input: one line, and then the end."""

import hashlib

from msgspec import UNSET

from shared.domain.events import Terminal

READS = 'while read -r line; do echo "got $line"; done; echo "that was all"'
LINE = "one\n"
PRINTED = "got one\nthat was all\n"


def assert_read_once(end: Terminal) -> None:
    """The program was given the line and the end, and neither twice."""
    assert end.result is not None
    assert end.result.stdout.content == PRINTED
    received = end.result.input
    assert received is not UNSET
    digest = hashlib.sha256(LINE.encode()).hexdigest()
    assert (received.total_bytes, received.sha256, received.ended) == (len(LINE), digest, True)
