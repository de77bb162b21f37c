"""Finds the default data directory of a local stack: like git, here or in a parent directory."""

import os
from pathlib import Path

from headrace.local.stack import DEFAULT_DIRECTORY, SECRETS


def data_directory() -> Path:
    """HEADRACE_DATA, else the nearest `.headrace` of a stack from here upwards, else the one to be made here.

    A directory of another user is skipped: otherwise programs and secrets would go to the user that placed it
    there, in /tmp say.
    """
    named = os.environ.get("HEADRACE_DATA")
    if named:
        return Path(named)
    if _is_ours(DEFAULT_DIRECTORY):
        return DEFAULT_DIRECTORY
    for parent in Path.cwd().parents:
        if _is_ours(parent / DEFAULT_DIRECTORY):
            return parent / DEFAULT_DIRECTORY
    return DEFAULT_DIRECTORY


def _is_ours(directory: Path) -> bool:
    try:
        return directory.stat().st_uid == os.geteuid() and (directory / SECRETS).is_file()
    except OSError:
        return False
