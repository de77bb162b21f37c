"""What every benchmark needs: both sides in turn, medians with their spread, and the closing line."""

import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console

from bench.published.programs import PRINTS, READS, Program

console = Console(highlight=False, soft_wrap=True)

Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Some measurements of one side, in one unit."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def percentile(self, percent: int) -> float:
        """Nearest rank."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    def row(self, name: str, unit: str) -> str:
        """One line of the printed report."""
        return (
            f"{name:<44} median {self.median:8.1f} {unit}   "
            f"min {min(self.values):8.1f}   p99 {self.percentile(99):8.1f}   n {len(self.values)}"
        )


def summary(values: Sequence[float]) -> Summary:
    """At least one measurement."""
    return Summary(tuple(values))


def interpreter() -> str:
    """The interpreter that a program would be run with: the system's, as in the sandbox."""
    found = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise SystemExit("there is no system python3 to compare with")
    return found


def chosen_program() -> Program:
    """The Python program of the first argument, `prints` if there is none."""
    programs = {one["python"].name: one["python"] for one in (PRINTS, READS)}
    name = sys.argv[1] if len(sys.argv) > 1 else "prints"
    if name not in programs:
        raise SystemExit(f"no program is called {name!r}, only {' and '.join(programs)}")
    return programs[name]


def ratio(name: str, ours: float, reference: float, better: Better) -> None:
    """The closing line, read by machines."""
    console.print(f"RATIO {name} {ours / reference:.3f} {better}")
