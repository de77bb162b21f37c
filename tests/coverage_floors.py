"""The branch coverage of each package by unit and contract tests, which may not fall: `just coverage`.

Floors are whole percents, in `coverage_floors.toml`: what a test reaches only by chance of timing moves
tenths. `python -m tests.coverage_floors` compares what was measured last with them; with `--write` it
raises those that were left behind, and adds new packages. It lowers none: where code moved, change the
file by hand and say why.
"""

import json
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coverage import Coverage

FLOORS = Path(__file__).with_name("coverage_floors.toml")
MEASURED = "num_statements", "num_branches", "covered_lines", "covered_branches"
Figures = Mapping[str, float]


def package_of(path: str) -> str:
    """`services.api` of `services/api/jobs/routes.py`; `shared` and `headrace` are one package each."""
    parts = path.split("/")
    return ".".join(parts[: 2 if parts[0] == "services" and len(parts) > 2 else 1])


def figures_of(report: Mapping[str, Any]) -> dict[str, float]:
    """Percents of lines and branches together, as coverage.py has them, of its report in JSON."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(MEASURED, 0))
    for path, file in report["files"].items():
        for name in MEASURED:
            sums[package_of(path)][name] += file["summary"][name]
    found = {}
    for package, has in sums.items():
        if there := has["num_statements"] + has["num_branches"]:
            found[package] = 100 * (has["covered_lines"] + has["covered_branches"]) / there
    return found


def fallen(figures: Figures, floors: Figures) -> list[str]:
    """A sentence for each package that is below its floor, has none, or is not there."""
    found = []
    for package in sorted({*figures, *floors}):
        if package not in floors:
            found.append(f"{package} has no floor: python -m tests.coverage_floors --write")
        elif (figure := figures.get(package, 0.0)) < floors[package]:
            found.append(f"{package}: {figure:.1f} % is below {floors[package]} %: test what was added")
    return found


def raised(figures: Figures, floors: Figures) -> dict[str, int]:
    """The floors, half a percent below the figures at least, and none lower than before."""
    return {
        name: max(int(figure - 0.5), int(floors.get(name, 0))) for name, figure in sorted(figures.items())
    }


def measured() -> dict[str, Any]:
    """The report of what was measured last."""
    coverage = Coverage()
    coverage.load()
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        coverage.json_report(outfile=file.name)
        report: dict[str, Any] = json.load(file)
    return report


def main(*arguments: str) -> str | None:
    """What is wrong, as `sys.exit` takes it."""
    figures, floors = figures_of(measured()), tomllib.loads(FLOORS.read_text())
    for package, figure in sorted(figures.items()):
        sys.stdout.write(f"{package:20} {figure:5.1f} %, at least {floors.get(package, 0)} %\n")
    if arguments == ("--write",):
        floors = raised(figures, floors)
        head = (
            "# Percent of lines and branches that unit and contract tests reach, at least: `just coverage`.\n"
        )
        FLOORS.write_text(head + "".join(f'"{name}" = {floor}\n' for name, floor in floors.items()))
    return "\n".join(fallen(figures, floors)) or None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
