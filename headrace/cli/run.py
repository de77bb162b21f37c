"""``headrace run FILE``: forwards the program's output to ours, and its exit code."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from headrace.cli.job_line import show_job
from headrace.cli.printer import Printer
from headrace.cli.waiting_line import WaitingLine
from headrace.client.client import AsyncClient
from headrace.client.models import (
    Language,
)
from shared.domain.record import JobRecord
from shared.domain.result import Result

EXIT_TIMEOUT = 124
"""The exit code of timeout(1)."""
EXIT_FAILED = 1
EXIT_SIGNAL = 128
EXIT_INTERRUPTED = 130

BY_EXTENSION = {
    "py": "python",
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "ts": "typescript",
    "mts": "typescript",
    "sh": "bash",
    "c": "c",
    "cpp": "c++",
    "cc": "c++",
    "cxx": "c++",
    "java": "java",
    "rs": "rust",
    "go": "go",
    "rb": "ruby",
    "php": "php",
    "pl": "perl",
    "lua": "lua",
    "sql": "sqlite",
}
"""Language of a file extension that no live executor offers."""


class UnknownLanguageError(Exception):
    """The file's name does not determine its language."""


def language_of(path: Path, languages: Sequence[Language]) -> str:
    """The offered language of a file's extension. Raises UnknownLanguageError."""
    extension = path.suffix.lstrip(".")
    for language in languages:
        if extension and extension == language.extension:
            return language.name
    known = BY_EXTENSION.get(extension)
    if known is None:
        raise UnknownLanguageError(f"which language is {path.name}? Say it with --language")
    return known


async def run_program(
    client: AsyncClient,
    submission: dict[str, Any],
    *,
    key: str | None = None,
    line: WaitingLine,
    as_json: bool,
) -> JobRecord:
    """Submit, show, and return the finished job. Ctrl-C cancels it.

    `line` shows what is waited for until the first byte of output, and is closed then.
    """
    line.tell("submitting")
    job = await client.submit(submission, key=key)
    printer = Printer(sys.stdout.buffer, sys.stderr.buffer, before=line.close)
    loop = asyncio.get_running_loop()
    cancelling: set[asyncio.Task[Any]] = set()

    def cancel() -> None:
        cancelling.add(asyncio.create_task(client.cancel(job.job_id)))

    loop.add_signal_handler(signal.SIGINT, cancel)
    try:
        async with show_job(line, client, job) as job_line:
            async for event in client.follow(job.job_id):
                job_line.show(event)
                if not as_json:
                    printer.show(event)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await asyncio.gather(*cancelling, return_exceptions=True)
    ended = await client.get(job.job_id)
    line.close()
    if as_json:
        print_json(ended)
    else:
        printer.finish(ended.result)
        explain(ended)
    return ended


def exit_code(job: JobRecord) -> int:
    """The exit code that a shell would see if it had run the program."""
    result = job.result or Result()
    match job.status:
        case "completed":
            return 0
        case "timeout":
            return EXIT_TIMEOUT
        case "cancelled":
            return EXIT_INTERRUPTED
        case _ if job.reason == "exit_code" and result.exit_code is not None:
            return result.exit_code
        case _ if job.reason == "signal" and result.signal is not None:
            return EXIT_SIGNAL + result.signal
        case _:
            return EXIT_FAILED


def explain(job: JobRecord) -> None:
    """One line on standard error where the exit code does not show the reason."""
    if job.status == "completed" or job.reason == "exit_code":
        return
    detail = f" ({job.detail})" if job.detail else ""
    print(f"headrace: {job.status}: {job.reason or job.cancelled_by}{detail}", file=sys.stderr)  # noqa: T201 - the command line's own output


def print_json(value: object) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
