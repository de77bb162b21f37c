"""How many jobs one executor may run and hold, and what is kept of a job that has a slot. Pure."""

from dataclasses import dataclass

from shared.domain.lanes import Lane
from shared.jetstream.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Bounds:
    """Jobs that run at a time; deliveries held besides, and memory of all that are held, in bytes.

    Interactive jobs have slots of their own, because their programs wait most of the time.
    """

    slots: int
    held_max: int
    held_bytes_max: int
    interactive_slots: int = 0


@dataclass(slots=True)
class Slot:
    """A job that has a slot. `delivery` changes if the server delivers the job again meanwhile."""

    lane: Lane
    delivery: Delivery
    is_interactive: bool = False
    attempt: int = 0
