"""Every attack that one program makes alone, and how it must end: the table to read first.

An ending is a kind of terminal event with its reason. Where more than one is named, the kernel decides which
comes first, or the program's own runtime ends it when it is refused.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath

import msgspec

from shared.domain.events import Limits
from tests.security.planted import BEGINNING, Planted
from tests.security.submission import (
    ATTEMPTED,
    LANGUAGES,
    LIMITS,
    MIB,
    Outcome,
    Submission,
    output_bytes,
    source_of,
)

DONE, EXIT, SIGNAL = "completed", "failed/exit_code", "failed/signal"
MEMORY, OUTPUT, DISK, COMPILE = "failed/memory", "failed/output_limit", "failed/disk", "failed/compile_error"
CPU, WALL = "timeout/cpu_time", "timeout/wall_time"

SMALL = msgspec.structs.replace(LIMITS, memory_bytes=32 * MIB)
ROOMY = msgspec.structs.replace(LIMITS, memory_bytes=512 * MIB)
"""For processes that write to what they share for as long as their time lasts."""

Also = Callable[[Outcome], str | None]
"""Looks closer at an outcome; what is wrong with it, if something is."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One line of the table. `uncounted` are endings allowed as well where no cgroup counts memory, and what
    `needs_count` is bounded by nothing of ours there (docs/languages.md says so);
    `marker` is said by a compiler that cannot be made to say anything else."""

    program: str
    ends: frozenset[str]
    says: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = LIMITS
    also: Also | None = None
    uncounted: frozenset[str] = frozenset()
    marker: str = ATTEMPTED
    needs_count: bool = False

    @property
    def language(self) -> str:
        """By the ending of its name."""
        return LANGUAGES[PurePath(self.program).suffix]

    def endings(self, *, has_cgroups: bool) -> frozenset[str]:
        """How it may end on this host."""
        return self.ends if has_cgroups else self.ends | self.uncounted

    def submission(self, planted: Planted) -> Submission:
        """The program with what it is given: where things are planted, and never what they hold."""
        files = {"secret_file": str(planted.secret_file), "canary_file": str(planted.canary_file)}
        args = tuple(files.get(word, word) for word in self.args)
        return Submission(self.language, source_of(self.program, **files), args, self.env, self.limits)


def attack(program: str, *ends: str, uncounted: tuple[str, ...] = (), **more: object) -> Attack:
    """A line of the table."""
    return Attack(program, frozenset(ends), uncounted=frozenset(uncounted), **more)  # type: ignore[arg-type]  # its fields


# --- what is looked at besides


def quick(outcome: Outcome) -> str | None:
    """Nobody waits for those who hold the pipes."""
    wall_ms = outcome.result["wall_ms"]
    return f"took {wall_ms} ms" if wall_ms >= 1000 else None


def memory_told(outcome: Outcome) -> str | None:
    """The peak is the limit at most, and a page or two that the kernel counts late."""
    peak = outcome.result["memory_peak_bytes"]
    most = LIMITS.memory_bytes + 1024 * 1024
    return f"a peak of {peak} bytes" if peak is not None and peak > most else None


def time_told(outcome: Outcome) -> str | None:
    """All descendants are counted, and what is told is about the limit."""
    cpu_ms = outcome.result["cpu_ms"]
    return None if 0.9 * LIMITS.cpu_ms <= cpu_ms <= 1.5 * LIMITS.cpu_ms else f"used {cpu_ms} ms"


def waited(outcome: Outcome) -> str | None:
    """The wall limit was waited for, and not much longer."""
    wall_ms = outcome.result["wall_ms"]
    return None if LIMITS.wall_ms <= wall_ms <= LIMITS.wall_ms + 1000 else f"took {wall_ms} ms"


def cut(stream: str) -> Also:
    """The first bytes are kept, marked as cut off, and the feed holds no more than they."""

    def look(outcome: Outcome) -> str | None:
        output = outcome.result[stream]
        if not output["truncated"] or output["kept_bytes"] != LIMITS.output_bytes:
            return f"{stream}: kept {output['kept_bytes']} bytes, truncated: {output['truncated']}"
        # 16 KiB a note where there is much to tell, and twenty rounds a second where there is little.
        notes = [note for note in outcome.notes if note.type == "job.output.v1"]
        told = sum(len(output_bytes(note)) for note in notes)
        if told > 2 * LIMITS.output_bytes:
            return f"{told} bytes in the feed"
        most = 2 * (4 + 20 * (1 + outcome.result["wall_ms"] / 1000))
        return f"{len(notes)} notes for {outcome.result['wall_ms']} ms" if len(notes) > most else None

    return look


def alphabet(outcome: Outcome) -> str | None:
    """Each stream has its bytes in the order in which they were written, and none is missing."""
    for stream, content in (
        ("stdout", outcome.stdout.removeprefix(b"attempted\n")),
        ("stderr", outcome.stderr),
    ):
        if content != bytes(97 + number % 26 for number in range(len(content))) or len(content) < 60_000:
            return f"{stream} is out of order: {content[:100]!r}, {len(content)} bytes"
    return cut("stdout")(outcome)


def documented_environment(outcome: Outcome) -> str | None:
    """Exactly what a program of the catalogue is promised."""
    documented = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/work", "LANG": "C.UTF-8", "PWD": "/work"}
    documented |= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    lines = [line for line in outcome.said.splitlines() if line.startswith("environment ")]
    seen = json.loads(lines[0].removeprefix("environment ")) if lines else None
    return None if seen == documented else f"the environment is {seen}"


def in_the_compiler(outcome: Outcome) -> str | None:
    """The program itself never ran."""
    names = [stage["name"] for stage in outcome.result["stages"]]
    return None if names == ["compile"] else f"there were the stages {names}"


def status_is(code: int) -> Also:
    """The exit code is the program's own, whatever it printed."""

    def look(outcome: Outcome) -> str | None:
        found = outcome.result["exit_code"]
        return None if found == code else f"exit code {found}"

    return look


IN_THE_SMALL_TIER = frozenset(
    {
        "01_fork_bomb.py",
        "03_outliving_children.py",
        "04_memory_bomb.py",
        "07_cpu_of_a_child.py",
        "10_alternating_flood.py",
        "12_inodes.py",
        "19_kill_supervisor.py",
        "20_secrets.py",
        "23_kernel_surface.py",
        "24_read_shadow.c",
        "25_forged_events.py",
    }
)
"""One of each kind: processes, memory, time, output, disk, executor, secrets, kernel, compilers, forgery."""

ATTACKS = (
    # 1. to 3. processes
    attack("01_fork_bomb.py", CPU, WALL, limits=ROOMY),
    attack("02_setsid_storm.c", CPU, WALL),
    attack("02_coming_and_going.py", DONE, says=("done",)),
    attack("03_outliving_children.py", DONE, says=("parent done",), also=quick),
    # 4. to 6. memory
    attack("04_memory_bomb.py", MEMORY, also=memory_told, uncounted=(EXIT,)),
    attack("05_memory_of_children.py", MEMORY, DONE),
    attack("06_memfd.py", MEMORY, EXIT),
    # The kernel or the file systems have bounds of their own here: the limit is below those.
    attack("06_shared_memory.py", MEMORY, limits=SMALL, uncounted=(EXIT, DISK)),
    attack("06_shared_mapping.py", MEMORY, EXIT),
    attack("06_pipes.py", MEMORY, limits=SMALL, uncounted=(DONE,)),
    attack("06_segments.py", MEMORY, EXIT),
    attack("06_sockets.py", MEMORY, DONE, EXIT, needs_count=True),
    # 7. and 8. time
    attack("07_cpu_of_a_child.py", CPU, also=time_told),
    attack("07_cpu_of_eight_children.py", CPU, also=time_told),
    attack("08_ignores_signals.py", WALL, also=waited),
    attack("08_stopped.py", WALL, also=waited),
    # 9. and 10. output
    attack("09_stdout_flood.py", OUTPUT, also=cut("stdout")),
    attack("10_stderr_flood.py", OUTPUT, also=cut("stderr")),
    attack("10_alternating_flood.py", OUTPUT, also=alphabet),
    # 11. and 12. disk
    attack("11_deleted_file.py", EXIT, DISK, says=("holds",)),
    attack("11_fallocate.py", EXIT, DISK, SIGNAL),
    attack("12_inodes.py", EXIT, DISK),
    attack("12_depth.py", EXIT, DISK),
    # 19. and 20. the executor
    attack("19_kill_supervisor.py", CPU, WALL, says=("still here []",)),
    attack("19_stop_supervisor.py", WALL, says=("still here",), also=waited),
    attack("19_old_entry.c", SIGNAL),
    attack(
        "20_secrets.py",
        DONE,
        args=(BEGINNING.removesuffix("-"), "secret_file", "canary_file"),
        says=("searched",),
        also=documented_environment,
    ),
    # 23. the kernel
    attack("23_kernel_surface.py", DONE, says=("tried",)),
    attack("23_affinity.py", DONE, says=("refused",)),
    attack("26_page_cache.py", DONE, says=("preadv2_nowait refused", "cachestat refused", "mincore refused")),
    # 24. compilers
    attack("24_macro_bomb.c", COMPILE, MEMORY, CPU, WALL, OUTPUT, also=in_the_compiler),
    attack("24_template_bomb.cpp", COMPILE, MEMORY, CPU, WALL, OUTPUT, also=in_the_compiler),
    attack("24_long_name.c", OUTPUT, MEMORY, also=in_the_compiler),
    attack("24_self_include.c", OUTPUT, also=in_the_compiler),
    attack("24_dev_zero.c", COMPILE, MEMORY, CPU, WALL, OUTPUT, also=in_the_compiler),
    attack("24_dev_urandom.c", COMPILE, MEMORY, CPU, WALL, OUTPUT, also=in_the_compiler),
    attack("24_dev_stdin.c", COMPILE, also=in_the_compiler),
    attack("24_read_shadow.c", COMPILE, also=in_the_compiler),
    attack("24_incbin.c", COMPILE, also=in_the_compiler),
    attack("24_assembler_include.c", COMPILE, also=in_the_compiler),
    attack("24_incbin_environment.cpp", COMPILE, DONE),
    attack("24_include_secret.rs", COMPILE, also=in_the_compiler),
    attack("24_embed.go", COMPILE, marker="invalid pattern syntax", also=in_the_compiler),
    # 25. forgery
    attack("25_forged_events.py", EXIT, args=("00000000-0000-7000-8000-000000000000",), also=status_is(7)),
    attack("25_descriptors.py", EXIT, also=status_is(9)),
    attack("25_exit_halfway.py", DONE),
)
