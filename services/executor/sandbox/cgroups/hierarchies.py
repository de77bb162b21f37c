"""Reads this process's place in the host's cgroup hierarchies from /proc (cgroups(7))."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted cgroup hierarchy: its controllers (none for v2), mount point, and our own directory."""

    controllers: frozenset[str]
    mount: Path
    own: Path

    def is_v2(self) -> bool:
        """Whether this is the unified hierarchy of version 2."""
        return not self.controllers


def hierarchies(process: Path = Path("/proc/self")) -> Iterator[Hierarchy]:
    """Read cgroups(7) facts of this process. A mount shows a subtree: paths are relative to its root."""
    own_paths = dict(_own_paths((process / "cgroup").read_text()))
    for line in (process / "mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        root, mount = fields.split(" ")[3:5]
        mounted = frozenset(options.split(",")) if kind == "cgroup" else frozenset[str]()
        for controllers, own in own_paths.items():
            if controllers == mounted & controllers and bool(controllers) == bool(mounted):
                yield Hierarchy(controllers, Path(mount), Path(mount) / _below(own, root))


def _own_paths(text: str) -> Iterator[tuple[frozenset[str], str]]:
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        yield frozenset(filter(None, controllers.split(","))), path


def _below(path: str, root: str) -> str:
    inside = path == root or path.startswith(root.rstrip("/") + "/")
    return path[len(root.rstrip("/")) :].lstrip("/") if inside else ""
