"""What is compared: a service, or a machine without one, that runs a program to its end."""

from dataclasses import dataclass
from typing import Protocol

from bench.published.programs import Program


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds since the submission. `first_ms` is None where nothing can be seen before the end."""

    first_ms: float | None
    end_ms: float


class Side(Protocol):
    """One of those that are compared."""

    @property
    def name(self) -> str:
        """As the table has it."""

    def offers(self, program: Program) -> bool:
        """Whether it runs such programs."""

    async def run(self, program: Program, client: int) -> Timed:
        """Run it for one of the clients, each of which has one program under way. Raises RuntimeError."""
