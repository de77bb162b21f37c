"""``python -m tests.faults.run --jobs 10000 --users 60 --seed 1 --every 2 --report FILE``: a long run.

A random process is killed every so many seconds, and something else befalls one half as often. The history
is kept (`--history`), and judged; the exit code is 1 if a promise was broken.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.faults.chaos import Pace
from tests.faults.checker import check
from tests.faults.fleet import Size
from tests.faults.history_file import read
from tests.faults.report import report
from tests.faults.whole_run import Plan, run


def main() -> None:
    """Run, judge, tell."""
    asked = _arguments().parse_args()
    plan = Plan(
        jobs=asked.jobs,
        users=asked.users,
        seed=asked.seed,
        pace=Pace(kill_every_s=asked.every, trouble_every_s=2 * asked.every),
        size=Size(executors=asked.executors),
    )
    with tempfile.TemporaryDirectory(prefix="headrace-run-") as temporary:
        uvloop.run(run(plan, asked.keep or Path(temporary) / "data", asked.history))
    history = read(asked.history)
    verdict = check(history)
    told = report(history, verdict)
    sys.stdout.write(told)
    if asked.report is not None:
        asked.report.write_text(told)
    sys.exit(1 if verdict.violations else 0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=2.0, help="seconds from one kill to the next")
    parser.add_argument("--executors", type=int, default=3)
    parser.add_argument("--history", type=Path, default=Path("run.jsonl"))
    parser.add_argument("--report", type=Path)
    parser.add_argument("--keep", type=Path, help="where logs and data stay; without it they go")
    return parser


if __name__ == "__main__":
    main()
