"""A Docker engine: the one that there is, or one of our own that leaves nothing behind.

Our own runs in a mount namespace of its own, so its mounts go with it; its bridges, rules of iptables and
control groups are not the kernel's to take back, so what was not there before is removed at the end.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.local.lifeline import die_with_parent
from tests.containers.commands import told, works
from tests.docker_engine import engine_is_available

STARTING_S = 60.0
STOPPING_S = 90.0
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
LINKS = Path("/sys/class/net")
GROUPS = Path("/sys/fs/cgroup")


class EngineError(Exception):
    """There is no engine and none can be started, or ours left something behind; the message says what."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What an engine makes on its host besides files of its own."""

    links: frozenset[str]
    rules: str
    forwarding: str
    groups: frozenset[Path]
    mounts: str

    def difference(self, before: "Footprint") -> list[str]:
        """What there is more of, or otherwise, than before."""
        found = [f"link {name}" for name in sorted(self.links - before.links)]
        found += [f"control group {path}" for path in sorted(self.groups - before.groups)]
        found += ["rules of iptables"] if self.rules != before.rules else []
        found += ["forwarding of packets"] if self.forwarding != before.forwarding else []
        found += ["mounts"] if self.mounts != before.mounts else []
        return found


def footprint() -> Footprint:
    """As of now."""
    return Footprint(
        links=frozenset(path.name for path in LINKS.iterdir()),
        rules=_plain(_saved_rules()),
        forwarding=FORWARDING.read_text(),
        groups=frozenset(GROUPS.glob("**/docker/")),
        mounts=Path("/proc/self/mountinfo").read_text(),
    )


@contextlib.contextmanager
def open_engine() -> Iterator[str]:
    """The address of an engine, for DOCKER_HOST. Raises EngineError, at the end too."""
    if engine_is_available():
        yield os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise EngineError("no Docker engine answers; to start one takes root and Debian's docker.io")
    with tempfile.TemporaryDirectory(prefix="headrace-docker-") as place:
        directory = Path(place)
        before, rules = footprint(), _saved_rules()
        daemon = _started(directory)
        try:
            yield f"unix://{directory}/sock"
        finally:
            _stop(daemon)
            _take_back(before, rules)
        left = [f"process {name}" for name in processes(directory)] + footprint().difference(before)
        if left:
            raise EngineError(f"the engine left behind: {', '.join(left)}")


def processes(directory: Path) -> list[str]:
    """Whoever was started with a word about this directory, or runs in a container of its engine."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = (process / "cgroup").read_text()
            if (
                words
                and (str(directory) in words or "/docker/" in groups)
                and process.name != str(os.getpid())
            ):
                found.append(f"{process.name} {words.strip()}")
    return found


def _started(directory: Path) -> "subprocess.Popen[bytes]":
    log = directory / "log"
    command = [
        *("unshare", "--mount", "--propagation", "private"),
        *("dockerd", "--data-root", str(directory / "data"), "--exec-root", str(directory / "exec")),
        *("--pidfile", str(directory / "pid"), "--host", f"unix://{directory}/sock", "--ip6tables=false"),
    ]
    with log.open("wb") as said:
        daemon = subprocess.Popen(  # noqa: S603 - our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - there is one thread so far
        )
    until = time.monotonic() + STARTING_S
    while not _answers(directory):
        if daemon.poll() is not None or time.monotonic() > until:
            _stop(daemon)
            raise EngineError(f"dockerd did not start: {log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(0.1)
    return daemon


def _answers(directory: Path) -> bool:
    return works("docker", "--host", f"unix://{directory}/sock", "version")


def _stop(daemon: "subprocess.Popen[bytes]") -> None:
    """It stops every container, and its containerd, before it ends."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(STOPPING_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _take_back(before: Footprint, rules: str) -> None:
    for name in footprint().links - before.links:
        told("ip", "link", "delete", name)
    told("iptables-restore", given=_restored(rules, _saved_rules()))
    FORWARDING.write_text(before.forwarding)
    for group in sorted(footprint().groups - before.groups, reverse=True):
        for within in [*sorted(group.glob("**/*/"), reverse=True), group]:
            with contextlib.suppress(FileNotFoundError):
                within.rmdir()


def _saved_rules() -> str:
    return told("iptables-save")


def _restored(before: str, now: str) -> str:
    """What makes iptables as it was: the tables that there were, and the others without any rule."""
    tables = {block.partition("\n")[0]: block for block in now.split("*")[1:]}
    for name in {block.partition("\n")[0] for block in before.split("*")[1:]}:
        tables.pop(name, None)
    text = before
    for name, block in tables.items():
        chains = (line.split() for line in block.splitlines() if line.startswith(":"))
        text += (
            f"*{name}\n" + "".join(f"{chain[0]} ACCEPT\n" for chain in chains if chain[1] != "-") + "COMMIT\n"
        )
    return text


def _plain(rules: str) -> str:
    """Chains and rules, without what is there in an empty table and without counters."""
    lines = (line.partition(" [")[0] for line in rules.splitlines())
    return "\n".join(
        line for line in lines if line.startswith("-") or (line[:1] == ":" and "ACCEPT" not in line)
    )
