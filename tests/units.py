"""The units of systemd in deploy/systemd, as far as tests read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

UNITS = Path(__file__).parents[1] / "deploy" / "systemd"
PREFIX = "/opt/headrace/bin/"


@dataclass(frozen=True)
class Unit:
    """One file; each key of its sections with its values, in their order."""

    name: str
    keys: Mapping[str, Sequence[str]]

    @property
    def command(self) -> list[str]:
        """What it starts, without the place where it is installed."""
        (line,) = self.keys["ExecStart"]
        assert line.startswith(PREFIX)
        return line.removeprefix(PREFIX).split()

    @property
    def credentials(self) -> dict[str, str]:
        """The files that it is given, by the name that it sees."""
        return dict(one.split(":", 1) for one in self.keys.get("LoadCredential", ()))

    def environment(self, credentials: str) -> dict[str, str]:
        """What it is told, with its credentials in that directory."""
        words = " ".join(self.keys.get("Environment", ())).replace("%d", credentials).split()
        return dict(word.split("=", 1) for word in words)


def read_unit(path: Path) -> Unit:
    """A unit, or a drop-in."""
    keys: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, value = line.split("=", 1)
            keys.setdefault(key, []).append(value)
    return Unit(path.stem.removeprefix("headrace-"), keys)


def read_units() -> dict[str, Unit]:
    """All of them, by what follows `headrace-` in their names."""
    return {unit.name: unit for unit in map(read_unit, sorted(UNITS.glob("*.service")))}
