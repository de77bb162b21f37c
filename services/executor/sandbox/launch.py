"""The command line of one cell, in three parts that the program can neither see in full nor alter.

The walls and the root come over a pipe that is opened only after bubblewrap was put into its cgroup, so that
every page of the cell is charged to it; without that part there is nothing to execute. The stage's own part
is a sealed memory file. Inside, a shell lowers the resource limits, exports the stage's environment (only
now: neither bubblewrap nor the shell's own start must be touched by LD_PRELOAD), and becomes the program.

bubblewrap is started with the pipes of stdout and stderr as its descriptors 0 and 1, its own complaints
going to 2. The shell moves them into place, so that the program's stderr and bubblewrap's never mix, and no
descriptor but 0, 1 and 2 remains.
"""

import resource
from collections.abc import Sequence

from services.executor.sandbox.root import MADE_IN_ETC, WORK, tmpfs
from services.executor.sandbox.sandbox import Stage

STDIN = "/etc/stdin"
KEPT_MARK = b"kept:"
"""What precedes a kept product on bubblewrap's descriptor 2: an empty product differs from none."""

STACK_BYTES = 8 * 1024 * 1024
"""Soft limit only, as on every distribution: a program that recurses deeply may raise its own."""

CPU_GRACE_S = 2
"""RLIMIT_CPU counts one process in whole seconds; it stands behind the cgroup's count, never before it."""

BLOCK_BYTES = 512
"""The unit of `ulimit -f` (POSIX)."""

START = 'while [ "$1" != -- ]; do command export "$1"; shift; done; shift; exec "$@" 2>&1 1>&0 0<{stdin}'
START_AND_KEEP = (
    "( shift; {start} ) || exit $?; "
    '[ -f "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] || exit 0; '
    "printf {mark} >&2; "
    'exec cat -- "$1" 1>&2 2>/dev/null'
)


def command_line(stage: Stage, parts: Sequence[int], *, has_cgroups: bool) -> list[str]:
    """The command line of bubblewrap; the descriptors `parts` hold all its other arguments, in order."""
    from_parts = (word for part in parts for word in ("--args", str(part)))
    return ["bwrap", *from_parts, "--", *_program(stage, has_cgroups=has_cgroups)]


def placed_files(stage: Stage) -> list[tuple[str, str, bytes]]:
    """Every file that the cell begins with: its path inside, its mode, its content."""
    files = [(path, "0444", content.encode()) for path, content in MADE_IN_ETC]
    if stage.stdin:
        files.append((STDIN, "0444", stage.stdin))
    files += [
        (f"{WORK}/{file.path}", "0755" if file.executable else "0644", file.content) for file in stage.files
    ]
    return files


def stage_arguments(stage: Stage, descriptors: Sequence[int], *, status: int, release: int) -> list[str]:
    """The part that differs from stage to stage. `descriptors` belong to `placed_files`, in order."""
    placed = zip(placed_files(stage), descriptors, strict=True)
    return [
        *tmpfs(WORK, stage.limits.disk_bytes),
        *(
            word
            for (path, mode, _), descriptor in placed
            for word in ("--perms", mode, "--file", str(descriptor), path)
        ),
        *("--remount-ro", "/", "--chdir", WORK),
        *("--json-status-fd", str(status), "--block-fd", str(release)),
    ]


def encode(arguments: Sequence[str]) -> bytes:
    """Arguments as bubblewrap reads them with --args."""
    return b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in arguments)


def _program(stage: Stage, *, has_cgroups: bool) -> list[str]:
    """What is executed inside the walls: the shell, its script, and the stage's words."""
    start = START.format(stdin=STDIN if stage.stdin else "/dev/null")
    kept: list[str] = []
    if stage.keep is not None:
        start = START_AND_KEEP.format(start=start, mark=KEPT_MARK.decode())
        kept = [f"{WORK}/{stage.keep}"]
    script = " && ".join([*_resource_limits(stage, has_cgroups=has_cgroups), f"{{ {start}; }}"])
    environment = (f"{name}={value}" for name, value in stage.env)
    return ["/bin/sh", "-c", script, "cell", *kept, *environment, "--", *stage.argv]


def _resource_limits(stage: Stage, *, has_cgroups: bool) -> list[str]:
    limits = stage.limits
    lower = [
        "ulimit -c 0",
        f"ulimit -S -s {_at_most(resource.RLIMIT_STACK, STACK_BYTES) // 1024}",
        f"ulimit -n {_at_most(resource.RLIMIT_NOFILE, limits.files_open)}",
        f"ulimit -f {_at_most(resource.RLIMIT_FSIZE, limits.disk_bytes) // BLOCK_BYTES}",
        f"ulimit -t {_at_most(resource.RLIMIT_CPU, -(-limits.cpu_ms // 1000) + CPU_GRACE_S)}",
    ]
    if not has_cgroups:
        processes = _at_most(resource.RLIMIT_NPROC, limits.processes)
        # Data, not address space: node, Java and Go reserve far more addresses than they ever use.
        lower.append(f"ulimit -d {_at_most(resource.RLIMIT_DATA, limits.memory_bytes) // 1024}")
        lower.append(f"{{ ulimit -u {processes} 2>/dev/null || ulimit -p {processes}; }}")
    return lower


def _at_most(kind: int, value: int) -> int:
    """Never above the executor's own hard limit, which its children may not exceed."""
    _, hard = resource.getrlimit(kind)
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
