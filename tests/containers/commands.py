"""Commands of the engine and of this host: lists of our own words, never a line for a shell."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


class CommandError(Exception):
    """A command failed that should not; the message is all that it said."""


def told(*command: str, given: str | None = None, within: Path | None = None) -> str:
    """What a command prints. Raises CommandError."""
    code, said = _run(command, given=given, within=within)
    if code != 0:
        raise CommandError(f"{' '.join(command)} ended with {code}: {said}")
    return said


def refused(*command: str, within: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a command says that must fail."""
    code, said = _run(command, within=within, environment=environment, with_errors=True)
    assert code != 0, f"{' '.join(command)} did not fail: {said}"
    return said


def works(*command: str) -> bool:
    """Whether a command does."""
    return _run(command)[0] == 0


def _run(
    command: tuple[str, ...],
    *,
    given: str | None = None,
    within: Path | None = None,
    environment: Mapping[str, str] | None = None,
    with_errors: bool = False,
) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        input=given,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=within,
        env=environment,
        check=False,
    )
    failed = done.returncode != 0 or with_errors
    return done.returncode, done.stdout + done.stderr if failed else done.stdout
