"""Lists the runtimes worth starting before there is a job, and the stages that each can run.

Each runtime is one row of data: no other module distinguishes Node.js from Java. A stage that needs anything
that cannot be changed after a runtime's start gets a newly started one.
"""

import io
import zipfile
from dataclasses import dataclass

from services.executor.sandbox.guest import ipc
from services.executor.sandbox.interface import CellFile, Stage
from services.executor.sandbox.isolation.filesystem import BASE_ENVIRONMENT, PLACE, WORK
from services.executor.sandbox.isolation.rlimits import resource_limits
from services.executor.sandbox.warm.job_file import GUEST, READ_AT_START, START_SCRIPT
from shared.domain.events import Limits

MIB = 1024 * 1024

STACK_BYTES = 64 * MIB
"""The catalogue's stack size for a virtual machine's program if the job asks for none."""
NODE_MEMORY_BYTES = 512 * MIB
"""The catalogue's memory for a JavaScript program."""
JAVA_MEMORY_BYTES = 512 * MIB
"""The catalogue's memory for a Java program: the machine's heap is sized for it."""
JAVA_OPTIONS = (
    *(f"-XX:MaxRAM={JAVA_MEMORY_BYTES}", "-XX:MaxRAMPercentage=70", f"-Xss{STACK_BYTES}"),
    *("-XX:ThreadStackSize=1024", "-XX:+UseSerialGC", "-XX:-UsePerfData"),
)
JAVA_PRODUCT = f"{WORK}/program.jar"
JAVA_PLACE = "/tmp/.headrace"  # noqa: S108 - the cell's, and gone before its job comes
JAVA_CLASS = "headrace/guest/Start.class"


@dataclass(frozen=True, slots=True)
class Made:
    """A file of an early runtime that `stage` produces, and its place."""

    stage: Stage
    path: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime started early as `argv` with `files`, equivalent to what `default_argv` would have started.

    A job's own arguments can follow only if it `takes_arguments`. `fixed` are prefixes of the variables that
    must be set at its start; an empty prefix stands for all. `limits` are the catalogue's for its language:
    without a cgroup, a started process keeps them. `directory` is where it starts, if not in the work
    directory. `made` is a file that is compiled once, before the first start.
    """

    name: str
    default_argv: tuple[str, ...]
    argv: tuple[str, ...]
    takes_arguments: bool
    fixed: tuple[str, ...]
    limits: Limits
    files: tuple[CellFile, ...] = ()
    made: Made | None = None
    directory: str = ""

    def can_run(self, stage: Stage, *, has_cgroups: bool) -> bool:
        """Whether this runtime, started under its limits, is what this stage would have started.

        Only limits of the group may differ, because they can be changed. It has its input, its output and its
        directory already.
        """
        begins, follows = stage.argv[: len(self.default_argv)], stage.argv[len(self.default_argv) :]
        return (
            stage.live is None
            and not stage.directory
            and begins == self.default_argv
            and (self.takes_arguments or not follows)
            and not any(name.startswith(self.fixed) for name, _ in stage.env)
            and stage.limits.disk_bytes == self.limits.disk_bytes
            and resource_limits(stage.limits, has_cgroups=has_cgroups)
            == resource_limits(self.limits, has_cgroups=has_cgroups)
        )

    def start(self, made: tuple[CellFile, ...], *, has_cgroups: bool) -> bytes:
        """The start order, as a cell reads it."""
        files = (*self.files, *made)
        job = ipc.Job(
            argv=list(self.argv),
            env={**dict(BASE_ENVIRONMENT), "PWD": WORK},
            files=[(file.path, file.executable, len(file.content)) for file in files],
            rlimits=resource_limits(self.limits, has_cgroups=has_cgroups),
            has_stdin=True,
            warm=False,
            directory=self.directory,
        )
        return b"".join([ipc.encode_job(job), *(file.content for file in files)])


def runtimes() -> tuple[Runtime, ...]:
    """All runtimes."""
    return node(), java()


def node() -> Runtime:
    """Node.js, which `guest/start.js` holds until its job arrives.

    It starts outside the work directory: Node.js 18 looks for a package.json in its current directory before
    it loads that file, and would remember that there was none.
    """
    return Runtime(
        name="node",
        default_argv=("node", f"{WORK}/main.js"),
        argv=("node", "--require", f"{PLACE}/{START_SCRIPT}", f"{WORK}/main.js"),
        takes_arguments=True,
        fixed=(*READ_AT_START, "NODE", "UV_", "NO_COLOR", "FORCE_COLOR"),
        limits=Limits(memory_bytes=NODE_MEMORY_BYTES),
        directory=PLACE,
    )


def java() -> Runtime:
    """A Java virtual machine, which `guest/Start.java` holds until its job arrives."""
    return Runtime(
        name="java",
        default_argv=("java", *JAVA_OPTIONS, "-jar", JAVA_PRODUCT),
        argv=("java", *JAVA_OPTIONS, f"-javaagent:{JAVA_PRODUCT}", "-jar", JAVA_PRODUCT),
        takes_arguments=False,
        fixed=("",),
        limits=Limits(memory_bytes=JAVA_MEMORY_BYTES),
        files=(CellFile(JAVA_PRODUCT, _leading_jar()),),
        made=Made(
            Stage(
                name="compile",
                argv=(
                    *("javac", "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-J-XX:-UsePerfData"),
                    *("-proc:none", "-encoding", "UTF-8", "-d", WORK, f"{WORK}/Start.java"),
                ),
                files=(CellFile("Start.java", (GUEST / "Start.java").read_bytes()),),
                limits=Limits(wall_ms=30_000, cpu_ms=30_000, memory_bytes=1024 * MIB),
                keep=JAVA_CLASS,
            ),
            f"{JAVA_PLACE}/{JAVA_CLASS}",
        ),
    )


def _leading_jar() -> bytes:
    """An empty jar whose manifest leads to our class, in the place of the program's own.

    So the class path is the program's from the beginning. The class itself lies beside it, in a directory
    without a manifest or anything else that a program could find.
    """
    lines = (
        "Manifest-Version: 1.0",
        "Premain-Class: headrace.guest.Start",
        f"Boot-Class-Path: {JAVA_PLACE}/",
        "",
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as jar:
        jar.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), "\n".join(lines))
    return written.getvalue()
