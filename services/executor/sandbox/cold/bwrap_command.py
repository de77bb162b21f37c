"""Builds bubblewrap's command line for one cell, in three parts that the program cannot alter.

The program cannot read them in full either. The isolation and root arguments come through a pipe that is
opened only after bubblewrap has joined its cgroup, so every page of the cell is charged to it. Without that
part there is nothing to execute. The stage's own part is a sealed memory file. Inside, a shell lowers the
resource limits, exports the stage's environment and executes the program. The environment is exported this
late so that LD_PRELOAD affects neither bubblewrap nor the shell.

bubblewrap starts with the pipes of stdout and stderr as descriptors 0 and 1, its own messages going to 2. The
shell moves them into place. So the program's stderr and bubblewrap's never mix, and only descriptors 0, 1 and
2 remain.
"""

import resource
from collections.abc import Sequence

from services.executor.sandbox.interface import Stage
from services.executor.sandbox.isolation.filesystem import MADE_IN_ETC, WORK, tmpfs
from services.executor.sandbox.isolation.rlimits import resource_limits

STDIN = "/etc/stdin"
KEPT_MARK = b"kept:"
"""Precedes a kept product on bubblewrap's descriptor 2, so that an empty product differs from none."""

OPTIONS = {
    resource.RLIMIT_CORE: ("c", 512),
    resource.RLIMIT_STACK: ("s", 1024),
    resource.RLIMIT_NOFILE: ("n", 1),
    resource.RLIMIT_FSIZE: ("f", 512),
    resource.RLIMIT_CPU: ("t", 1),
    resource.RLIMIT_DATA: ("d", 1024),
    resource.RLIMIT_NPROC: ("u", 1),
    resource.RLIMIT_AS: ("v", 1024),
}
"""Options of `ulimit`, and the bytes in its units (POSIX; dash(1)). The other limits are set from outside."""

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
    """Every file present in the cell at its start: its path inside, its mode, its content."""
    files = [(path, "0444", content.encode()) for path, content in MADE_IN_ETC]
    if stage.given:
        files.append((STDIN, "0444", stage.given))
    files += [
        (f"{WORK}/{file.path}", "0755" if file.executable else "0644", file.content) for file in stage.files
    ]
    return files


def stage_arguments(
    stage: Stage, descriptors: Sequence[int], *, status: int, release: int, live_stdin: str | None = None
) -> list[str]:
    """The part that differs from stage to stage. `descriptors` belong to `placed_files`, in order.

    `live_stdin` is the path of a named pipe from which the program reads its standard input.
    """
    placed = zip(placed_files(stage), descriptors, strict=True)
    return [
        *tmpfs(WORK, stage.limits.disk_bytes),
        *(
            word
            for (path, mode, _), descriptor in placed
            for word in ("--perms", mode, "--file", str(descriptor), path)
        ),
        *(() if live_stdin is None else ("--ro-bind", live_stdin, STDIN)),
        *("--remount-ro", "/", "--chdir", stage.directory or WORK),
        *("--json-status-fd", str(status), "--block-fd", str(release)),
    ]


def outer_limits(stage: Stage, *, has_cgroups: bool) -> list[tuple[int, int, int]]:
    """The resource limits that no shell can set; bubblewrap itself may run under them."""
    return [each for each in resource_limits(stage.limits, has_cgroups=has_cgroups) if each[0] not in OPTIONS]


def encode(arguments: Sequence[str]) -> bytes:
    """Encode arguments as bubblewrap reads them with --args."""
    return b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in arguments)


def _program(stage: Stage, *, has_cgroups: bool) -> list[str]:
    """What is executed inside the cell: the shell, its script, and the stage's words."""
    start = START.format(stdin="/dev/null" if stage.stdin.is_empty else STDIN)
    kept: list[str] = []
    if stage.keep is not None:
        start = START_AND_KEEP.format(start=start, mark=KEPT_MARK.decode())
        kept = [f"{WORK}/{stage.keep}"]
    script = " && ".join([*_resource_limits(stage, has_cgroups=has_cgroups), f"{{ {start}; }}"])
    environment = (f"{name}={value}" for name, value in stage.env)
    return ["/bin/sh", "-c", script, "cell", *kept, *environment, "--", *stage.argv]


def _resource_limits(stage: Stage, *, has_cgroups: bool) -> list[str]:
    commands = []
    for kind, soft, hard in resource_limits(stage.limits, has_cgroups=has_cgroups):
        if kind not in OPTIONS:
            continue
        option, unit = OPTIONS[kind]
        if kind == resource.RLIMIT_NPROC:
            commands.append(f"{{ ulimit -u {hard} 2>/dev/null || ulimit -p {hard}; }}")
        else:
            amount = "unlimited" if soft == resource.RLIM_INFINITY else soft // unit
            commands.append(f"ulimit {'' if soft == hard else '-S '}-{option} {amount}")
    return commands
