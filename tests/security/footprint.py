"""What an executor occupies of its host: processes, cgroups, mounts, descriptors, memory."""

import asyncio
import contextlib
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from services.executor.sandbox.cgroups.hierarchies import hierarchies
from services.executor.sandbox.orphan_names import stat_fields

PARENT_FIELD = 1
"""ppid among `stat_fields` (proc(5), field 4)."""
SETTLING_S = 5.0
"""How long the host may take to be as it was: new cells are made for those that were used."""
RESIDENT_GROWTH_BYTES = 24 * 1024 * 1024
"""How much one attack may leave in an executor's memory: what Python's allocator keeps of 64 KiB a stream."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What must be the same again after every run."""

    processes: Counter[str]
    groups: int
    mounts: str
    descriptors: Counter[str]

    def difference(self, before: "Footprint") -> str | None:
        """What there is more or less of than before."""
        found = []
        for name in ("processes", "descriptors"):
            now, then = getattr(self, name), getattr(before, name)
            found += [
                f"{name} {sign}{dict(more)}" for sign, more in (("+", now - then), ("-", then - now)) if more
            ]
        if self.groups != before.groups:
            found.append(f"{self.groups} cgroups, not {before.groups}")
        if self.mounts != before.mounts:
            found.append("other mounts")
        return "; ".join(found) or None


def footprint(executor: int) -> Footprint:
    """What a process and all below it occupy. Nobody leaves the tree: orphans fall to pid 1 of their cell."""
    process = Path(f"/proc/{executor}")
    return Footprint(
        processes=Counter(filter(None, map(_living, _below(executor)))),
        groups=len(groups_of(executor)),
        mounts=(process / "mountinfo").read_text(),
        descriptors=_descriptors(process),
    )


async def settled(executor: int, before: Footprint) -> str | None:
    """Wait until all is as before; what is not, if it does not get so in time."""
    until = time.monotonic() + SETTLING_S
    while difference := footprint(executor).difference(before):
        if time.monotonic() > until:
            return difference
        await asyncio.sleep(0.02)
    return None


async def steady(executor: int, cells: int) -> Footprint:
    """The footprint once so many cells are ready and nothing else changes."""
    last, same = footprint(executor), 0
    async with asyncio.timeout(30):
        while same < 10:
            await asyncio.sleep(0.02)
            now = footprint(executor)
            enough = now.processes["python3"] > 2 * cells
            same = same + 1 if enough and now == last else 0
            last = now
    return last


def resident_bytes(executor: int) -> int:
    """The memory that a process occupies (proc_pid_status(5), VmRSS)."""
    status = Path(f"/proc/{executor}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


def groups_of(executor: int) -> list[Path]:
    """The cgroups of an executor's cells."""
    pattern = f"headrace-{executor}-*/cell-*"
    return [cell for tree in hierarchies(Path(f"/proc/{executor}")) for cell in tree.own.glob(pattern)]


def _below(pid: int) -> list[int]:
    """Everybody below a process, whoever comes and goes meanwhile."""
    parents = dict[int, list[int]]()
    for process in Path("/proc").glob("[0-9]*"):
        if fields := stat_fields(int(process.name)):
            parents.setdefault(int(fields[PARENT_FIELD]), []).append(int(process.name))
    found = list(parents.get(pid, ()))
    for each in found:
        found += parents.get(each, ())
    return found


def _living(pid: int) -> str | None:
    """A process's name; None if it has ended, whether or not it was waited for."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        text = Path(f"/proc/{pid}/stat").read_text()
        name, _, fields = text.partition("(")[2].rpartition(")")
        if fields.split()[0] not in {"Z", "X"}:
            return name
    return None


def _descriptors(process: Path) -> Counter[str]:
    """How many of each kind are open, but for the listing itself."""
    found = Counter[str]()
    for entry in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = re.sub(r"\d+", "", str(entry.readlink()))
            if not target.startswith("/proc/"):
                found[target] += 1
    return found
