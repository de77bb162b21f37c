"""Rejects stages that no cell could run, before anything is made for them.

A stage rejected here would fail again on every retry, so the error is RejectedError, never SandboxError.
Paths are checked again although the caller has done so, as the last check before use.
"""

import re

from services.executor.sandbox.interface import RejectedError, Stage
from services.executor.sandbox.isolation.filesystem import DATA
from services.executor.sandbox.isolation.rlimits import ADDRESS_SPACE_BYTES_MIN
from services.executor.sandbox.settings import SandboxSettings

ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD_BYTES_MAX = 128 * 1024 - 1
"""One argument or one variable: MAX_ARG_STRLEN of the kernel, execve(2)."""

PAGE_BYTES = 4096
WORD_OVERHEAD_BYTES = 9
"""A word's terminator and its address; execve(2) gives all words together a quarter of the stack."""


def check(stage: Stage, settings: SandboxSettings) -> None:
    """Raise RejectedError, with the reason, if the stage can never run here."""
    _check_words(stage, settings)
    _check_paths(stage, settings)
    _check_sizes(stage)


def _check_words(stage: Stage, settings: SandboxSettings) -> None:
    if not stage.argv or stage.argv[0].startswith("-"):
        raise RejectedError("the command line has no program")
    for name, _ in stage.env:
        if not ENVIRONMENT_NAME.fullmatch(name):
            raise RejectedError(f"{name!r} is not a name of an environment variable")
    words = [*stage.argv, *(f"{name}={value}" for name, value in stage.env)]
    lengths = [_length(word) for word in words]
    if max(lengths) > WORD_BYTES_MAX:
        raise RejectedError(f"an argument or variable is longer than {WORD_BYTES_MAX} bytes")
    if sum(lengths) > settings.argument_bytes_max:
        raise RejectedError(
            f"arguments and environment are longer than {settings.argument_bytes_max} bytes together"
        )
    stack_bytes = stage.limits.stack_bytes
    if (
        stack_bytes is not None
        and sum(lengths) + WORD_OVERHEAD_BYTES * len(words) > stack_bytes // 4 - PAGE_BYTES
    ):
        raise RejectedError(
            f"arguments and environment do not fit a quarter of the stack_bytes {stack_bytes}"
        )


def _length(word: str) -> int:
    if "\0" in word:
        raise RejectedError("an argument or variable holds a zero byte")
    try:
        return len(word.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise RejectedError("an argument or variable is not text") from None


def _check_paths(stage: Stage, settings: SandboxSettings) -> None:
    if stage.directory not in {"", DATA}:
        raise RejectedError(f"{stage.directory[:100]!r} is no directory in which a program can start")
    if len(stage.files) > settings.files_max:
        raise RejectedError(f"{len(stage.files)} files are more than {settings.files_max}")
    paths = [file.path for file in stage.files]
    for path in paths if stage.keep is None else [*paths, stage.keep]:
        _check_path(path)
    if len(set(paths)) < len(paths):
        raise RejectedError("two files have the same path")
    directories = {path[:place] for path in paths for place, letter in enumerate(path) if letter == "/"}
    if clash := directories.intersection(paths):
        raise RejectedError(f"{min(clash)!r} is a file and a directory")


def _check_path(path: str) -> None:
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or _length(path) > 4000:
        raise RejectedError(f"{path[:100]!r} is not a path within the work directory")
    if any(_length(part) > 255 for part in parts):
        raise RejectedError("a file name is longer than 255 bytes")


def _check_sizes(stage: Stage) -> None:
    pages = sum(-(-len(file.content) // PAGE_BYTES) for file in stage.files)
    if pages * PAGE_BYTES > stage.limits.disk_bytes:
        raise RejectedError(f"the files do not fit the disk of {stage.limits.disk_bytes} bytes")
    limits = stage.limits
    if min(limits.wall_ms, limits.cpu_ms, limits.memory_bytes, limits.processes, limits.files_open) < 1:
        raise RejectedError("a limit is below 1")
    if limits.disk_bytes < PAGE_BYTES:
        raise RejectedError(f"a disk of {limits.disk_bytes} bytes is smaller than a page")
    addresses = limits.address_space_bytes
    if addresses is not None and addresses < ADDRESS_SPACE_BYTES_MIN:
        raise RejectedError(f"an address space of {addresses} bytes is below {ADDRESS_SPACE_BYTES_MIN}")
