"""Whether this executor may start jobs: not while it cannot make cells (the circuit breaker pattern). Pure.

A cell that could not be made says nothing of the program. So after one failure nothing starts until a trial
cell was made: closed → doubtful → closed, or open. While open, trials come at growing pauses.
Clocks and chance come in as arguments.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

PAUSE_FIRST_S, PAUSE_MOST_S = 1.0, 30.0
REFUSALS_MAX = 8
"""So often one executor sends a job away for want of a cell although trial cells can be made: about 90 s."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Cells can be made, as far as known."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A cell could not be made; a trial is due at once and will tell whether the next can."""

    why: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Open:
    """No cell can be made. `trials` have failed, the next is due at `trial_at_s`."""

    why: str
    since_s: float
    trials: int
    trial_at_s: float


Circuit: TypeAlias = Closed | Doubtful | Open


@dataclass(frozen=True, slots=True)
class Later:
    """The job waits for a host that can: any executor may take it after the delay."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The job has waited long enough; `why` is for its user."""

    why: str


def pause_s(count: int, chance: float) -> float:
    """The pause after `count` (0, 1, …) failures: doubled each time, bounded; `chance` in 0..1 spreads it."""
    doubled: float = PAUSE_FIRST_S * 2 ** min(count, 10)
    return spread_s(min(PAUSE_MOST_S, doubled), chance)


def spread_s(pause_s: float, chance: float) -> float:
    """The pause, varied by up to a quarter; `chance` in 0..1 decides."""
    return pause_s * (0.75 + chance / 2)


def after_failure(circuit: Circuit, why: str, now_s: float) -> Circuit:
    """A cell for a job could not be made."""
    match circuit:
        case Closed():
            return Doubtful(why, now_s)
        case Doubtful() | Open():
            return replace(circuit, why=why)


def after_trial(circuit: Circuit, failure: str | None, now_s: float, chance: float) -> Circuit:
    """A trial cell was made (`failure` is None), or could not be."""
    if failure is None or isinstance(circuit, Closed):
        return Closed()
    trials = circuit.trials if isinstance(circuit, Open) else 0
    return Open(failure, circuit.since_s, trials + 1, now_s + pause_s(trials, chance))


def trial_at_s(circuit: Circuit) -> float | None:
    """When the next trial is due; None if none is."""
    match circuit:
        case Closed():
            return None
        case Doubtful(_, since_s):
            return since_s
        case Open():
            return circuit.trial_at_s


def is_hopeless(circuit: Circuit, *, now_s: float, ended_s: float, age_s: float, patience_s: float) -> bool:
    """Whether a job of this age ends without a cell: for `patience_s` none could be made here, no executor
    has brought any job to an end of its own (the last at `ended_s`), and the job itself is as old.
    """
    if not isinstance(circuit, Open):
        return False
    return min(now_s - circuit.since_s, now_s - ended_s, age_s) > patience_s


def decide_refusal(
    refused: int, *, why: str, hopeless: bool, patience_s: float, chance: float
) -> Later | GiveUp:
    """What becomes of a job that got no cell, and that this executor has sent away `refused` times before.

    An executor that cannot make cells starts no job, so each time but the first a trial had succeeded.
    """
    if hopeless:
        return GiveUp(f"no host could make a cell for any job for {patience_s:.0f} s: {why}")
    if refused >= REFUSALS_MAX:
        return GiveUp(f"no cell could be made for this job in {refused + 1} tries: {why}")
    return Later(pause_s(refused, chance))
