"""Bare systems: what `mmdebstrap` makes of Debian's packages, entered as by a user who has just logged in.

Their processes share this host's network and its kernel, nothing else: files and processes are their own.
How the host reaches the registries of packages goes along: pip's system-wide configuration, certificates,
and the variables of pip and uv.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.containers.base import CERTIFICATES, LEFT_OUT, apt_options, apt_sources
from tests.containers.commands import told

ENTER = Path(__file__).with_name("enter.sh")
REPOSITORY = Path(__file__).parents[2]
PACKAGES = "ca-certificates", "git", "nodejs", "python3", "python3-pip", "python3-venv"
USER = "user"
UID = 1000
HOME = f"/home/{USER}"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PIP_CONFIGURATION = Path("/etc/pip.conf")
PASSED_ON = "PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE"


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: all that it printed, both streams in one."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class BareSystem:
    """A system's files, and what became of them in one test."""

    lower: Path
    changes: Path

    def run(self, *command: str, within: str = HOME) -> Ended:
        """What the user's command does."""
        return self._entered(UID, within, command)

    def remove(self, *packages: str) -> None:
        """Take packages away, and what needs them, as root of that system."""
        ended = self._entered(0, "/", ("apt-get", "purge", "-q", "-y", *packages))
        assert ended.code == 0, ended.said

    def _entered(self, uid: int, within: str, command: Sequence[str]) -> Ended:
        namespaces = "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"
        done = subprocess.run(  # noqa: S603 - our own words
            [*namespaces, ENTER, self.lower, self.changes, str(uid), within, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._environment(uid),
            check=False,
        )
        return Ended(done.returncode, done.stdout)

    def _environment(self, uid: int) -> dict[str, str]:
        """A login's, and what reaches registries: without paths that are not there, which pip warns of."""
        passed_on = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(PASSED_ON)
            and not (value.startswith("/") and not (self.lower / value.lstrip("/")).exists())
        }
        login = {"HOME": HOME if uid else "/root", "USER": USER if uid else "root", "LANG": "C.UTF-8"}
        return {**passed_on, **login, "PATH": PATH, "COLUMNS": "200"}


def make_system(suite: str, directory: Path) -> None:
    """The files of a bare system of one of Debian's suites, with one ordinary user."""
    with tempfile.TemporaryDirectory() as place:
        sources = apt_sources(suite, Path(place))
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
        command += ["--dpkgopt=force-unsafe-io", '--aptopt=APT::Install-Recommends "false"']
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
        command += [f"--aptopt={option}" for option in apt_options()]
        if CERTIFICATES.is_dir():
            # Before the package that makes one file of them.
            command.append(f"--essential-hook=copy-in {CERTIFICATES} {CERTIFICATES.parent}")
        if PIP_CONFIGURATION.exists():
            command.append(f"--customize-hook=copy-in {PIP_CONFIGURATION} {PIP_CONFIGURATION.parent}")
        command.append(f'--customize-hook=chroot "$1" useradd --uid {UID} --create-home {USER}')
        told(*command, suite, str(directory), *sources)


def publish_repository(directory: Path) -> None:
    """A repository that the user can clone: this one's HEAD, and what differs from it in known files."""
    commit = told("git", "stash", "create", within=REPOSITORY).strip() or "HEAD"
    told("git", "init", "--quiet", "--bare", "--initial-branch=main", str(directory))
    told("git", "push", "--quiet", str(directory), f"{commit}:refs/heads/main", within=REPOSITORY)
    for path in (directory, *directory.rglob("*")):
        shutil.chown(path, UID, UID)
