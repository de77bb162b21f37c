"""The file system of a cell: the host's system directories read-only, everything else new.

The whole root is read-only except /work, /tmp and /dev/shm, each a tmpfs of bounded size. /mnt/data is /work
under another name: mounted there again in a warm cell, a link in a cold one. Of the host's /etc
only these are visible: the linker's cache, the links through which Debian's programs are found, the list of
virtual machines without which Java does not start, and PHP's list of extensions.
"""

from pathlib import Path

from services.executor.sandbox.settings import SandboxSettings

CELL_UID = 1000
CELL_HOSTNAME = "cell"
WORK = "/work"
DATA = "/mnt/data"
"""Another name of the work directory, in which a stage may start."""
PLACE = "/run/zygote"
"""Directory of a zygote's own files, read-only; a warm cell sees them too."""
NAMESPACES = ("user", "pid", "mount", "net", "ipc", "uts", "cgroup")
BASE_ENVIRONMENT = (("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", WORK), ("LANG", "C.UTF-8"))

SYSTEM_DIRECTORIES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SHOWN_OF_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/java-17-openjdk", "/etc/php")
MADE_IN_ETC = (
    ("/etc/passwd", f"root:x:0:0::/:/bin/false\ncell:x:{CELL_UID}:{CELL_UID}::{WORK}:/bin/sh\n"),
    ("/etc/group", f"root:x:0:\ncell:x:{CELL_UID}:\n"),
    ("/etc/hosts", f"127.0.0.1 localhost {CELL_HOSTNAME}\n::1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
)


def wall_arguments() -> list[str]:
    """Arguments for namespaces and privileges: the same for every cell of every host."""
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *own_user_arguments(),
        *("--hostname", CELL_HOSTNAME),
        "--clearenv",
        *(word for name, value in BASE_ENVIRONMENT for word in ("--setenv", name, value)),
    ]


def own_user_arguments() -> list[str]:
    """Map the starting user, whichever it is, to the cell's uid: the only one of the user namespace."""
    return ["--uid", str(CELL_UID), "--gid", str(CELL_UID)]


def root_arguments(settings: SandboxSettings, host: Path = Path("/")) -> list[str]:
    """Arguments for the file system that all cold cells of one host share, except /work."""
    return [
        *system_arguments(host),
        *tmpfs("/dev/shm", settings.shared_memory_bytes, mode="1777"),  # noqa: S108 - the cell's own, made here
        *("--remount-ro", "/dev"),
        *tmpfs("/tmp", settings.tmp_bytes, mode="1777"),  # noqa: S108 - the cell's own, made here
        *("--symlink", WORK, DATA),
    ]


def zygote_arguments(host: Path = Path("/")) -> list[str]:
    """Arguments for a zygote's isolation and file system, all read-only. Cells mount what is writable."""
    return [
        *("--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--hostname", CELL_HOSTNAME),
        "--clearenv",
        *system_arguments(host),
        *("--dir", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108 - where a cell mounts its own
        *("--dir", "/tmp", "--dir", WORK, "--dir", DATA),  # noqa: S108 - as above
    ]


def system_arguments(host: Path) -> list[str]:
    """Arguments for what a cell of either kind sees of its host, read-only."""
    return [
        *("--ro-bind", "/usr", "/usr"),
        *(word for name in SYSTEM_DIRECTORIES for word in _system_directory(host, name)),
        *("--perms", "0755", "--dir", "/etc"),
        *(word for path in SHOWN_OF_ETC for word in ("--ro-bind-try", path, path)),
        *("--proc", "/proc", "--dev", "/dev"),
    ]


def tmpfs(path: str, size_bytes: int, mode: str = "0755") -> list[str]:
    """Mount an empty file system of bounded size. Its pages are charged to the cell's memory."""
    return ["--perms", mode, "--size", str(size_bytes), "--tmpfs", path]


def _system_directory(host: Path, name: str) -> list[str]:
    """Repeat the host's layout: merged (/bin is a link to usr/bin) or not (/bin is a directory)."""
    path = host / name
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), f"/{name}"]
    return ["--ro-bind", f"/{name}", f"/{name}"] if path.is_dir() else []
