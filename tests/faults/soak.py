"""``python -m tests.faults.soak SECONDS``: a mixed load under faults, and what grows meanwhile.

The first process of each service is spared, so that what it leaks is seen; all others are killed, paused and
restarted, and everybody's connections suffer. Ends with a report: each measure's first and last value and its
slope, and the verdict on the history. The exit code is 1 if a promise was broken.
"""

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression

import uvloop

from services.executor.sandbox.cgroups.hierarchies import hierarchies
from shared.contract.subjects import EXECUTOR_DURABLE, JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from tests.faults.chaos import Pace
from tests.faults.checker import check
from tests.faults.ending import checkpoint
from tests.faults.fleet import Fleet, Size
from tests.faults.history_file import read
from tests.faults.members import Member
from tests.faults.report import report
from tests.faults.whole_run import Plan, run
from tests.system.conftest import broker_of

SPARED = ("api-1", "executor-1", "projector-1", "notifier-1")
JOBS_MAX = 100_000
USERS = 12
REST_S = 2.0
MIB = 1024 * 1024
SAMPLES = 100
SAMPLE_S = (0.5, 30.0)
"""At least and at most from one sample to the next."""


@dataclass
class Samples:
    """Values of each measure, with the seconds since the beginning."""

    every_s: float
    values: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    async def take(self, fleet: Fleet) -> None:
        """Look again and again, until cancelled."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with broker_of(fleet.stack) as broker:
            while True:
                for name, value in [*of_processes(fleet), *await of_streams(fleet, broker)]:
                    self.values.setdefault(name, []).append((clock() - began, value))
                await asyncio.sleep(self.every_s)

    def report(self) -> Iterator[str]:
        """A line for each measure."""
        yield f"{'':<34}{'samples':>8}{'first':>10}{'last':>10}{'most':>10}{'an hour':>12}"
        for name, told in self.values.items():
            amounts = [value for _, value in told]
            figures = f"{len(told):>8}{amounts[0]:>10.1f}{amounts[-1]:>10.1f}{max(amounts):>10.1f}"
            yield f"{name:<34}{figures}{slope_an_hour(told):>+12.1f}"


def slope_an_hour(told: list[tuple[float, float]]) -> float:
    """Of the straight line that fits best."""
    if len(told) < 2:
        return 0.0
    return linear_regression([at for at, _ in told], [value for _, value in told]).slope * 3600


def of_processes(fleet: Fleet) -> Iterator[tuple[str, float]]:
    """What the spared processes and the server occupy, and what dead executors have left."""
    for member in fleet.members:
        if member.name in SPARED or member is fleet.server:
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                yield f"{member.name}: memory, MiB", resident_bytes(member.pids[-1]) / MIB
                yield f"{member.name}: descriptors", len(list(Path(f"/proc/{member.pids[-1]}/fd").iterdir()))
        if member.name in SPARED:
            yield f"{member.name}: starts", len(member.pids)
    yield "cgroups of executors", sum(len(groups_of(one)) for one in fleet.of("executor"))
    yield "mounts of the host", len(Path("/proc/self/mounts").read_text().splitlines())


async def of_streams(fleet: Fleet, broker: Broker) -> list[tuple[str, float]]:
    """What waits in the server, and how far the spared view is behind; nothing while the server is away."""
    try:
        executors = await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}")
        stream = await broker.api(f"STREAM.INFO.{JOBS}")
    except BrokerError:
        return []
    state = stream["state"]
    return [
        ("jobs not delivered", executors["num_pending"]),
        ("jobs delivered, not ended", executors["num_ack_pending"]),
        ("consumers of the log", state["consumer_count"]),
        ("events of the log", state["messages"]),
        ("projector-1: events behind", state["last_seq"] - checkpoint(fleet.view_paths()["projector-1"])),
    ]


def groups_of(executor: Member) -> list[Path]:
    """The cgroups of all processes that this member ever was."""
    patterns = [f"headrace-{pid}-*/cell-*" for pid in executor.pids]
    trees = hierarchies(Path("/proc/self"))
    return [group for tree in trees for pattern in patterns for group in tree.own.glob(pattern)]


def resident_bytes(pid: int) -> int:
    """The memory of a process (proc_pid_status(5), VmRSS)."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return 0 if match is None else int(match[1]) * 1024


def plan_of(lasts_s: float, seed: int, pace: Pace) -> Plan:
    """A soak of so long."""
    return Plan(
        jobs=JOBS_MAX,
        users=USERS,
        seed=seed,
        pace=pace,
        size=Size(),
        spared=SPARED,
        lasts_s=lasts_s,
        rest_s=REST_S,
    )


def main() -> None:
    """Run, judge, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=5.0, help="seconds from one kill to the next")
    parser.add_argument("--history", type=Path, default=Path("soak.jsonl"))
    asked = parser.parse_args()
    least, most = SAMPLE_S
    samples = Samples(min(most, max(least, asked.seconds / SAMPLES)))
    plan = plan_of(asked.seconds, asked.seed, Pace(asked.every, 2 * asked.every))
    with tempfile.TemporaryDirectory(prefix="headrace-soak-") as directory:
        uvloop.run(run(plan, Path(directory) / "data", asked.history, samples.take))
    history = read(asked.history)
    verdict = check(history)
    sys.stdout.write("\n".join([*samples.report(), "", report(history, verdict)]))
    sys.exit(1 if verdict.violations else 0)


if __name__ == "__main__":
    main()
