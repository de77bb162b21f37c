"""Options, output and exit codes that all commands share.

=========  ==================================================================
exit code  meaning
=========  ==================================================================
0          done; of `run`, `attach` and `wait`: the program ended with 0
2          not done; standard error says why in one line, with --json as an object
130        stopped with Ctrl-C
141        the reader of the output closed it
=========  ==================================================================

`run`, `attach` and `wait` end as the program did: its own exit code, 128 and the signal, 124 for a time
limit, 130 if it was cancelled, 1 for anything else.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
import typer

from headrace.cli.run import UnknownLanguageError
from headrace.client.errors import HeadraceError, ProblemAnswerError
from headrace.local.nats_server import NatsServerError
from headrace.local.place import data_directory
from shared.auth import TokenError
from shared.contract.subjects import SubjectError

if TYPE_CHECKING:
    from headrace.cli.console import Console

EXPECTED = (HeadraceError, NatsServerError, SubjectError, TokenError, UnknownLanguageError)
EXIT_NOT_DONE = 2
EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141


def _locate(context: typer.Context, parameter: typer.CallbackParam, value: Path) -> Path:
    """The directory given, else the one where a stack's data are found."""
    source = context.get_parameter_source(parameter.name or "")
    return data_directory() if source is not None and source.name == "DEFAULT" else value


Data = Annotated[
    Path,
    typer.Option(
        help="Where the local stack keeps its data; also found further up.",
        envvar="HEADRACE_DATA",
        callback=_locate,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Job = Annotated[str, typer.Argument(metavar="JOB", help="Its id, or the beginning of it.")]
User = Annotated[str, typer.Option(help="Who the local token is for.")]


LINE_LETTERS = 100_000
"""Longer than any line: rich neither truncates nor folds what fits the window."""


class _Terminal:
    """Standard output. rich takes a tenth of a second to import, so it is imported on the first print."""

    @property
    def file(self) -> IO[str]:
        """The stream, for writing without rich."""
        return sys.stdout

    def print(self, *objects: Any, markup: bool | None = None) -> None:  # noqa: ANN401 - as rich's
        """Print anything that rich can print."""
        _console().print(*objects, markup=markup)


@cache
def _console() -> "Console":
    from headrace.cli.console import Console  # noqa: PLC0415 - most commands are without

    return Console(highlight=False, soft_wrap=True, width=LINE_LETTERS)


console = _Terminal()


def finish(work: Coroutine[Any, Any, int], *, as_json: bool = False) -> NoReturn:
    """Run to the end; an expected failure is one line on standard error and exit code 2."""
    try:
        code = asyncio.run(work)
        sys.stdout.flush()
    except EXPECTED as error:
        tell_failure(error, as_json=as_json)
        code = EXIT_NOT_DONE
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader is gone: discard the buffer, so that Python's exit does not report it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_CLOSED_PIPE
    except OSError as error:
        # An unreadable file or directory, a full disk, no socket: an error of the environment, not a bug.
        tell_failure(error, as_json=as_json)
        code = EXIT_NOT_DONE
    raise typer.Exit(code) from None


def whole_path(path: Path) -> str:
    """An absolute path, so that it stays valid in another directory."""
    return str(path.absolute())


def tell_failure(error: Exception, *, as_json: bool) -> None:
    """One line on standard error. With --json an object: `error`, and `problem` if a service refused."""
    message = _message_of(error)
    if not as_json:
        typer.echo(f"headrace: {message}", err=True)
        return
    report: dict[str, object] = {"error": message}
    if isinstance(error, ProblemAnswerError):
        report["problem"] = error.document
    typer.echo(msgspec.json.encode(report), err=True)


def _message_of(error: Exception) -> str:
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename is not None else ""
        return f"{named}{error.strerror or error}"
    return str(error)
