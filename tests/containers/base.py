"""The image that all others stand on, made here: no registry need be reached, and nothing is pulled.

It stands in for Debian's slim image, from the same packages by the same sources as this host's. What the host
adds to be allowed to fetch packages, certificates and options of apt, is in it as well.
"""

import os
import re
import tempfile
from pathlib import Path

from tests.containers.commands import told

NAME = "headrace-test-base:local"
SUITE = "bookworm"
CERTIFICATES = Path("/usr/local/share/ca-certificates")
OPTIONS = "Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http::Proxy", "Acquire::https::Proxy"
SOURCES = list(Path("/etc/apt/sources.list.d").glob("debian.sources"))
"""Where this host gets Debian's packages from, if it says so in the usual place."""

LEFT_OUT = "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"
"""As Debian leaves it out of its slim images."""


def base_image() -> str:
    """The name of it: what HEADRACE_BASE says, or one that is made now."""
    given = os.environ.get("HEADRACE_BASE")
    if given:
        return given
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory) / "base.tar"
        _made(archive)
        told("docker", "import", str(archive), NAME)
    return NAME


def _made(archive: Path) -> None:
    command = ["mmdebstrap", "--quiet", "--variant=minbase"]
    # As in Debian's own images, nobody waits for the disk: what is half written is made anew.
    command += ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT)]
    command += [f"--aptopt={option}" for option in apt_options()]
    if CERTIFICATES.is_dir():
        command.append(f"--customize-hook=copy-in {CERTIFICATES} {CERTIFICATES.parent}")
    command.append('--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*')
    told(*command, SUITE, str(archive), *map(str, SOURCES))


def apt_sources(suite: str, directory: Path) -> list[str]:
    """The same place's packages of another of Debian's suites, written as a file for `mmdebstrap`."""
    written = []
    for path in SOURCES:
        stanza, _, _ = path.read_text().partition("\n\n")
        other = directory / path.name
        other.write_text(re.sub(r"(?m)^Suites:.*", f"Suites: {suite}", stanza) + "\n")
        written.append(str(other))
    return written


def apt_options() -> list[str]:
    """What apt needs on this host to get packages at all."""
    dumped = told("apt-config", "dump", *OPTIONS)
    return [line for line in dumped.splitlines() if line.partition(" ")[2] != '"";']
