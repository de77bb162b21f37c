"""Commands that submit one program: `run`, which shows its output, and `submit`, which does not wait."""

from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.job_commands import ask
from headrace.cli.job_line import queue_reason
from headrace.cli.keyboard import is_on_terminal
from headrace.cli.local_commands import local_client
from headrace.cli.program import (
    STANDARD_INPUT,
    Artifact,
    Clamp,
    CompilerArgs,
    Environment,
    Files,
    InterpreterArgs,
    Key,
    Labels,
    LanguageName,
    Memory,
    Program,
    Source,
    StandardInputError,
    Stdin,
    WallMs,
    Words,
    WorkingDirectory,
)
from headrace.cli.run import exit_code, print_json, run_program
from headrace.cli.runner import AsJson, Data, User, console, finish
from headrace.cli.talk import Manner, run_interactive
from headrace.cli.waiting_line import WaitingLine, is_terminal
from headrace.client import endpoint
from headrace.client.artifacts import download
from headrace.client.client import AsyncClient
from headrace.client.models import JobShown
from headrace.local.stack import DEFAULT_DIRECTORY


def run(
    file: Source,
    words: Words = None,
    language: LanguageName = None,
    files: Files = None,
    env: Environment = None,
    compiler_arg: CompilerArgs = None,
    interpreter_arg: InterpreterArgs = None,
    working_directory: WorkingDirectory = None,
    memory: Memory = None,
    wall_ms: WallMs = None,
    clamp: Clamp = False,
    stdin: Stdin = None,
    label: Labels = None,
    artifact: Artifact = None,
    output: Annotated[Path, typer.Option(help="Where kept files are written.")] = Path(),
    interactive: Annotated[
        bool | None,
        typer.Option(
            "--interactive/--no-interactive",
            help="Pass standard input on as it comes, or all of it before the start. "
            "By default as it comes where that and standard output are terminals.",
        ),
    ] = None,
    key: Key = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoint.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Run one file, with standard input, and end with its exit code.

    Options stand before FILE; everything behind it is the program's. On a terminal the program gets each key
    as it is pressed, and Ctrl-] leaves it running.
    """
    talks = _talks(interactive, file, stdin, as_json=as_json)
    program = Program(
        source=file,
        words=words,
        language=language,
        files=files,
        env=env,
        compiler_args=compiler_arg,
        interpreter_args=interpreter_arg,
        working_directory=working_directory,
        labels=label,
        memory_bytes=memory,
        wall_ms=wall_ms,
        clamp=clamp,
        stdin=stdin,
        artifacts=artifact,
        reads_ours=not talks,
    )

    async def ran() -> int:
        if talks and STANDARD_INPUT in (file, stdin):
            raise StandardInputError("with --interactive, standard input is neither FILE nor --stdin")
        loaded = program.read()
        with WaitingLine(quiet=as_json) as line:
            async with local_client(data, user, line) as client:
                submission = loaded.submission(await client.languages())
                if talks:
                    manner = Manner(as_json=as_json, may_detach=endpoint.is_named(data))
                    ended = await run_interactive(client, submission, key=key, line=line, manner=manner)
                else:
                    ended = await run_program(client, submission, key=key, line=line, as_json=as_json)
                if ended is None:
                    return 0
                if ended.result is not None and ended.result.artifacts:
                    await download(client, ended.job_id, ended.result.artifacts, output)
                return exit_code(ended)

    finish(ran(), as_json=as_json)


def submit(
    file: Source,
    words: Words = None,
    language: LanguageName = None,
    files: Files = None,
    env: Environment = None,
    compiler_arg: CompilerArgs = None,
    interpreter_arg: InterpreterArgs = None,
    working_directory: WorkingDirectory = None,
    memory: Memory = None,
    wall_ms: WallMs = None,
    clamp: Clamp = False,
    stdin: Stdin = None,
    label: Labels = None,
    artifact: Artifact = None,
    key: Key = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoint.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Submit one file and print its job id; standard input is read with --stdin - alone.

    Options stand before FILE; everything behind it is the program's.
    """
    program = Program(
        source=file,
        words=words,
        language=language,
        files=files,
        env=env,
        compiler_args=compiler_arg,
        interpreter_args=interpreter_arg,
        working_directory=working_directory,
        labels=label,
        memory_bytes=memory,
        wall_ms=wall_ms,
        clamp=clamp,
        stdin=stdin,
        artifacts=artifact,
    )

    async def call(client: AsyncClient) -> None:
        job = await client.submit(program.read().submission(await client.languages()), key=key)
        print_json(job) if as_json else console.print(job.job_id)
        if not as_json and is_terminal():
            _tell_wait(job)

    ask(data, user, call, as_json=as_json)


def _talks(wanted: bool | None, file: Path, stdin: Path | None, *, as_json: bool) -> bool:
    """Whether the program is given its input while it runs."""
    if wanted is not None:
        if wanted and stdin not in (None, STANDARD_INPUT):
            raise typer.BadParameter("--interactive does not go with --stdin")
        return wanted
    return not as_json and stdin is None and file != STANDARD_INPUT and is_on_terminal()


def _tell_wait(job: JobShown) -> None:
    """Show what a job waits for, other than its turn, which it always waits for briefly."""
    if job.waiting_for is not None and job.waiting_for.reason != "slot" and (reason := queue_reason(job)):
        typer.echo(f"headrace: queued {reason}", err=True)
