"""What the cells of this host share although they should not: for the log of the executor and for doctor.

docs/bounds/kernel.md says of each counter what bounds it where.
"""

from pathlib import Path

from services.executor.sandbox.isolation.id_ranges import of_this_user
from services.executor.sandbox.isolation.rlimits import shortfalls
from services.executor.sandbox.settings import SandboxSettings
from shared.domain.events import Isolation

ONE_UID = (
    "all cells have one uid: while one holds many descriptors in flight, pages in pipes or epoll watches, "
    "programs of others may be refused them"
)
NO_GROUP = (
    "no cgroup counts a cell's memory: what the kernel holds for a program is estimated, 20 times a second"
)
STRICT_COMMIT = "vm.overcommit_memory is 2: one cell may reserve the memory that others would need"
PIPES_HARD = (
    "fs.pipe-user-pages-hard is set, and all cells have one uid: pipes of one may keep others from being made"
)
OVERCOMMIT_NEVER = 2


def shares(facts: Isolation, settings: SandboxSettings, kernel: Path = Path("/proc/sys")) -> list[str]:
    """A sentence for each; none where every cell has its own of all."""
    found = shortfalls()
    if facts.uids == 1:
        why = of_this_user(settings)
        found.append(f"{ONE_UID} ({why if isinstance(why, str) else 'cells are cold, or refused the range'})")
        if _number(kernel / "fs/pipe-user-pages-hard"):
            found.append(PIPES_HARD)
    if facts.cgroup == "none":
        found.append(NO_GROUP)
    if _number(kernel / "vm/overcommit_memory") == OVERCOMMIT_NEVER:
        found.append(STRICT_COMMIT)
    return found


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
