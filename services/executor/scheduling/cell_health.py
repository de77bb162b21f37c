"""Whether this executor may start jobs, and which wait for cells in vain. Pure.

`CellSupply` changes the circuit; the scheduler's core reads it, and notes each job that any executor judged.
"""

from datetime import datetime

from services.executor.scheduling import circuit
from services.executor.scheduling.circuit import Circuit, Closed, Doubtful, Open
from shared.domain.job import Expired, Finished


class CellHealth:
    """The circuit of one executor, and when a program was last judged on any of them."""

    def __init__(self, *, patience_s: float, now_s: float) -> None:
        """Closed: the sandbox has proved itself when it was opened."""
        self.circuit: Circuit = Closed()
        self._patience_s = patience_s
        self._judged_s = now_s

    @property
    def may_start(self) -> bool:
        """Whether jobs may start: not while a cell could not be made."""
        return isinstance(self.circuit, Closed)

    @property
    def is_open(self) -> bool:
        """Whether a trial has failed too, so that what is held should go elsewhere."""
        return isinstance(self.circuit, Open)

    @property
    def is_doubtful(self) -> bool:
        """Whether a trial is under way that will decide."""
        return isinstance(self.circuit, Doubtful)

    def learn(self, state: Finished | Expired, now_s: float) -> None:
        """The log reports an end: where a program was judged, some executor can make cells."""
        if isinstance(state, Finished) and getattr(state.outcome, "result", None) is not None:
            self._judged_s = now_s

    def is_hopeless(self, accepted: datetime | None, *, now_s: float, utc: datetime) -> bool:
        """Whether a job accepted then has waited too long for any executor's cell; None is no job."""
        return accepted is not None and circuit.is_hopeless(
            self.circuit,
            now_s=now_s,
            ended_s=self._judged_s,
            age_s=(utc - accepted).total_seconds(),
            patience_s=self._patience_s,
        )
