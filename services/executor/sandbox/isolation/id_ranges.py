"""Finds the uids that this host can give to cells, and maps them into a namespace.

A root executor takes the range of its settings. An ordinary user takes its subordinate ids of /etc/subuid and
/etc/subgid (subuid(5)), through `newuidmap` and `newgidmap`. Where there is none, the reason is a text for
people.
"""

import contextlib
import os
import pwd
import shutil
import subprocess  # noqa: TID251 - the sandbox is the one place
import tempfile
from dataclasses import dataclass
from pathlib import Path

from services.executor.sandbox.interface import SandboxError
from services.executor.sandbox.settings import SandboxSettings

LOCK_NAME = "headrace-uids"
HELPERS = ("newuidmap", "newgidmap")
HELPER_S = 5.0
"""How long a helper may take: it writes one file."""


@dataclass(frozen=True, slots=True)
class IdRange:
    """`count` uids from `uid` on, and as many gids from `gid` on."""

    uid: int
    gid: int
    count: int


def of_this_user(settings: SandboxSettings) -> IdRange | str:
    """The ids that this process's user can give, or why there are none. Raises SandboxError."""
    return of_root(settings) if os.geteuid() == 0 else of_ordinary_user(settings)


def of_root(settings: SandboxSettings) -> IdRange | str:
    """The settings' range without its first id, the zygote's. Raises SandboxError if a user account has one
    of them."""
    if settings.uids < 2:
        return "the setting uids is 1"
    for kind, first in (("uid", settings.uid), ("gid", settings.gid)):
        if not _is_mapped(Path(f"/proc/self/{kind}_map").read_text(), first, settings.uids):
            return f"this user namespace has not the {settings.uids} {kind}s from {first} on"
    for entry in pwd.getpwall():
        if settings.uid <= entry.pw_uid < settings.uid + settings.uids:
            raise SandboxError(f"uid {entry.pw_uid} is meant for cells and belongs to {entry.pw_name!r}")
    return IdRange(settings.uid + 1, settings.gid + 1, settings.uids - 1)


def of_ordinary_user(settings: SandboxSettings, etc: Path = Path("/etc")) -> IdRange | str:
    """As many of this user's subordinate ids as the settings ask for, if the helpers are installed."""
    if settings.uids < 2:
        return "the setting uids is 1"
    if missing := [helper for helper in HELPERS if shutil.which(helper) is None]:
        return f"{missing[0]} is not installed"
    if not _may_gain_privileges():
        return "no_new_privs keeps newuidmap from working"
    own = {str(os.getuid())}
    with contextlib.suppress(KeyError):
        own.add(pwd.getpwuid(os.getuid()).pw_name)
    uids, gids = (_subordinate(etc / name, own) for name in ("subuid", "subgid"))
    if uids is None or gids is None:
        return f"{etc}/subuid and {etc}/subgid give this user no ids"
    return IdRange(uids[0], gids[0], min(uids[1], gids[1], settings.uids))


def lock_path(settings: SandboxSettings) -> Path:
    """The file on which all executors with the same uids lock bytes."""
    if settings.uid_locks is not None:
        return settings.uid_locks
    if os.geteuid() == 0:
        return Path("/run" if os.access("/run", os.W_OK) else tempfile.gettempdir()) / LOCK_NAME
    own = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(own) / f"{LOCK_NAME}-{os.getuid()}"


def give(pid: int, inside: int, ids: IdRange) -> None:
    """Map ids into a process's new user namespace: its own user as `inside`, the range unchanged.

    Raises OSError.
    """
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    for kind, helper, first in (("gid", "newgidmap", ids.gid), ("uid", "newuidmap", ids.uid)):
        own = int(status["Gid" if kind == "gid" else "Uid"].split()[0])
        lines = ((inside, own, 1), (first, first, ids.count))
        if os.geteuid() == 0:
            text = "".join(f"{' '.join(map(str, line))}\n" for line in lines)
            Path(f"/proc/{pid}/{kind}_map").write_text(text)
        else:
            words = [helper, str(pid), *(str(word) for line in lines for word in line)]
            done = subprocess.run(words, capture_output=True, timeout=HELPER_S, check=False)  # noqa: S603 - numbers
            if done.returncode:
                raise OSError(f"{helper}: {done.stderr.decode(errors='replace').strip()}")


def _may_gain_privileges() -> bool:
    return "NoNewPrivs:\t0" in Path("/proc/self/status").read_text()


def _is_mapped(text: str, first: int, count: int) -> bool:
    """Whether one line of our id map (user_namespaces(7)) contains the whole range."""
    lines = (tuple(map(int, line.split())) for line in text.splitlines())
    return any(inside <= first and first + count <= inside + length for inside, _, length in lines)


def _subordinate(path: Path, names: set[str]) -> tuple[int, int] | None:
    """The largest range that a file in the format of subuid(5) gives one of these names."""
    found: list[tuple[int, int]] = []
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, *numbers = line.split(":")
        if name in names and len(numbers) == 2 and all(map(str.isdigit, numbers)):
            found.append((int(numbers[0]), int(numbers[1])))
    return max(found, key=lambda each: each[1], default=None)
