"""A message as a durable consumer hands it out, and how long it is this process's own. Pure."""

from dataclasses import dataclass

ACK_WAIT_S = 10.0
"""Without a heartbeat for so long, the server delivers the message again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of the durable consumer, to be answered exactly once."""

    subject: str
    sequence: int
    delivered: int
    reply: str
