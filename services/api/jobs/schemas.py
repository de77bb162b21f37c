"""Request bodies of /v1/jobs, with every rule that depends on the body alone.

A broken rule is answered with 422 and its place.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from pydantic import ConfigDict, Field, StrictBool, model_validator

from services.api.http.openapi.json_schema import (
    ENV_NAME,
    INTERACTIVE,
    LABEL_NAME,
    ONE_SOURCE,
    STORED_NAMES,
    base64_if,
    keys_like,
)
from services.api.jobs.fields import (
    LIMIT_MAX,
    AsNumber,
    CommandWord,
    LabelValue,
    Pattern,
    RelativePath,
    RequestBody,
    Text,
    Word,
)
from services.api.jobs.file_bodies import FileBody, Stdin, StoredBody
from services.api.jobs.new_job import LimitsPolicy, NewInteraction, NewJob
from shared.domain.allowed_words import WORDS_MAX
from shared.domain.events import SourceFile
from shared.domain.interaction import TERMINAL_MAX, TerminalSize

FILES_MAX = 64
JOBS_NAMED_MAX = 8
"""Jobs whose files one submission may name: each is read, with all that it printed."""
BATCH_MAX = 100
ARGS_MAX = 256
ENV_MAX = 64
LABELS_MAX = 16
PATTERNS_MAX = 16
TTL_S_MIN = 60

INTERACTIVE_FIELDS = ("interactive", "terminal", "idle_s")
_LATER_FIELDS = frozenset(
    {
        *("artifacts", "ttl_s", "limits_policy", "compiler_args", "interpreter_args", "working_directory"),
        *INTERACTIVE_FIELDS,
    }
)
WORK: Final = "/work"
_LATER_LIMITS = frozenset({"stack_bytes", "address_space_bytes"})
"""Limits added since fingerprints were first stored."""
_STORED_UNUSED = {"__all__": set(STORED_NAMES)}
"""Fields of files added since then, of submissions whose files hold their contents."""


class LimitsBody(RequestBody):
    """Limits for the run stage; what is left out keeps the language's default."""

    wall_ms: Annotated[int, Field(ge=1, le=LIMIT_MAX), AsNumber] | None = None
    """Longest time from the start of the run to its end."""
    cpu_ms: Annotated[int, Field(ge=1, le=LIMIT_MAX), AsNumber] | None = None
    """Processor time of all processes together."""
    memory_bytes: Annotated[int, Field(ge=1024 * 1024, le=LIMIT_MAX), AsNumber] | None = None
    """Memory of all processes together, stacks, `/tmp` and `/dev/shm` included."""
    processes: Annotated[int, Field(ge=1, le=LIMIT_MAX), AsNumber] | None = None
    """Processes and threads at a time."""
    disk_bytes: Annotated[int, Field(ge=4096, le=LIMIT_MAX), AsNumber] | None = None
    """The work directory, and the longest file."""
    output_bytes: Annotated[int, Field(ge=0, le=LIMIT_MAX), AsNumber] | None = None
    """Kept of each of the two streams; a program that prints more ends as `output_limit`."""
    files_open: Annotated[int, Field(ge=8, le=LIMIT_MAX), AsNumber] | None = None
    """Open files of each process."""
    stack_bytes: Annotated[int, Field(ge=1024 * 1024, le=LIMIT_MAX), AsNumber] | None = None
    """The stack of a process's first thread, and of each thread that is started without a size."""
    address_space_bytes: Annotated[int, Field(ge=64 * 1024 * 1024, le=LIMIT_MAX), AsNumber] | None = None
    """Addresses of each process, used or only reserved; without it there is no such limit."""


class TerminalBody(RequestBody):
    """The size of a terminal, in characters."""

    columns: Annotated[int, Field(ge=1, le=TERMINAL_MAX), AsNumber]
    """Characters of a line."""
    rows: Annotated[int, Field(ge=1, le=TERMINAL_MAX), AsNumber]
    """Lines."""

    def size(self) -> TerminalSize:
        """The size as a value."""
        return TerminalSize(columns=self.columns, rows=self.rows)


class SubmissionBody(RequestBody):
    """A program to run: `code` for one file, or `files`."""

    model_config = ConfigDict(
        json_schema_extra={
            **ONE_SOURCE,
            **base64_if("stdin_encoding", "stdin", "object"),
            "allOf": [INTERACTIVE],
        }
    )

    language: Text = Field(min_length=1, max_length=64)
    """A name or an alias of `GET /v1/languages`."""
    code: Text | None = None
    """The program, where it is one file."""
    files: Annotated[tuple[FileBody, ...], Field(min_length=1, max_length=FILES_MAX)] | None = None
    """The program, where it is several files; instead of `code`."""
    entrypoint: RelativePath | None = None
    """The file that is run, or compiled first. Without it the language's own, or the only file."""
    stdin: Stdin | None = None
    """What the program reads from its standard input, or where that is stored; nothing if it is left out."""
    stdin_encoding: Literal["utf-8", "base64"] = "utf-8"
    """`base64` for a standard input that is not UTF-8."""
    args: tuple[Word, ...] = Field((), max_length=ARGS_MAX)
    """The program's arguments."""
    env: dict[Annotated[str, Field(pattern=ENV_NAME)], Word] = Field(
        {}, max_length=ENV_MAX, json_schema_extra=keys_like(ENV_NAME)
    )
    """Variables of the program's environment."""
    limits: LimitsBody = LimitsBody()
    """What the run may use."""
    limits_policy: LimitsPolicy = "refuse"
    """`clamp` lowers limits that are beyond the service's maxima, and the job's `clamped` says which."""
    labels: dict[Annotated[str, Field(pattern=LABEL_NAME)], LabelValue] = Field(
        {}, max_length=LABELS_MAX, json_schema_extra=keys_like(LABEL_NAME)
    )
    """Words of the user's own, to find the job by (`GET /v1/jobs?label=name=value`)."""
    artifacts: tuple[Pattern, ...] = Field((), max_length=PATTERNS_MAX)
    """Patterns (globs) of the files to keep, below the work directory."""
    ttl_s: Annotated[int, Field(ge=TTL_S_MIN), AsNumber] | None = None
    """Seconds to keep the job after its end. Without it the service's default, which may be for ever."""
    compiler_args: tuple[CommandWord, ...] = Field((), max_length=WORDS_MAX)
    """Words for the compiler, of those that `GET /v1/languages` names: `-O3`, `-std=c++17`."""
    interpreter_args: tuple[CommandWord, ...] = Field((), max_length=WORDS_MAX)
    """Words for the interpreter, of those that `GET /v1/languages` names: `-O`, `-Xss256m`."""
    working_directory: Literal["/work", "/mnt/data"] = WORK
    """The directory in which the program starts. Both show the same files."""
    interactive: StrictBool = False
    """Whether the program reads input that is sent while it runs; then it has no `stdin`."""
    terminal: TerminalBody | None = None
    """The terminal of an interactive program, with its first size; without it the program has pipes."""
    idle_s: Annotated[int, Field(ge=1), AsNumber] | None = None
    """Seconds without input or output after which an interactive program is ended."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.code is None) == (self.files is None):
            raise ValueError("give either code or files")
        return self

    @model_validator(mode="after")
    def _distinct_files(self) -> Self:
        names = [file.name for file in self.files or ()]
        folders = {name[: match.start()] for name in names for match in re.finditer("/", name)}
        if len(set(names)) != len(names):
            raise ValueError("two files have the same name")
        if folders & set(names):
            raise ValueError(f"{min(folders & set(names))!r} is both a file and a folder")
        return self

    @model_validator(mode="after")
    def _few_jobs(self) -> Self:
        named = [*(self.files or ()), *((self.stdin,) if isinstance(self.stdin, StoredBody) else ())]
        if len({one.job for one in named if one.job is not None}) > JOBS_NAMED_MAX:
            raise ValueError(f"files of at most {JOBS_NAMED_MAX} jobs may be named")
        return self

    @model_validator(mode="after")
    def _decodable_stdin(self) -> Self:
        if isinstance(self.stdin, str) and self.stdin_encoding == "base64":
            try:
                base64.b64decode(self.stdin, validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError("the standard input is not base64") from error
        return self

    @model_validator(mode="after")
    def _consistent_interaction(self) -> Self:
        if self.interactive and self.stdin is not None:
            raise ValueError("an interactive program has no stdin: send its input while it runs")
        if not self.interactive and self.terminal is not None:
            raise ValueError("only an interactive program has a terminal: set interactive too")
        if not self.interactive and self.idle_s is not None:
            raise ValueError("only an interactive program has idle_s: set interactive too")
        return self

    def to_new_job(self) -> NewJob:
        """The submission as a `NewJob`."""
        files = self.files or ()
        return NewJob(
            language=self.language,
            fingerprint=self._fingerprint(),
            code=self.code,
            files=tuple(
                SourceFile(name=one.name, content=one.content or "", encoding=one.encoding) for one in files
            ),
            references={place: one.reference() for place, one in enumerate(files) if one.is_stored},
            entrypoint=self.entrypoint,
            stdin=self._stdin(),
            stdin_reference=self.stdin.reference() if isinstance(self.stdin, StoredBody) else None,
            args=self.args,
            env=self.env,
            limits={name: value for name, value in self.limits if value is not None},
            limits_policy=self.limits_policy,
            labels=self.labels,
            artifacts=self.artifacts,
            ttl_s=self.ttl_s,
            compiler_args=self.compiler_args,
            interpreter_args=self.interpreter_args,
            working_directory=None if self.working_directory == WORK else self.working_directory,
            interaction=self._interaction(),
        )

    def unused_later_fields(self, later: Iterable[str]) -> dict[str, Any]:
        """Those of the fields `later`, and of limits added later, that say nothing; for `model_dump`."""
        fields = type(self).model_fields
        unused: dict[str, Any] = {name: True for name in later if getattr(self, name) == fields[name].default}
        unused["limits"] = {name for name in _LATER_LIMITS if getattr(self.limits, name) is None}
        if not any(one.is_stored for one in self.files or ()):
            # Files of earlier requests had none of these.
            unused["files"] = _STORED_UNUSED
        return unused

    def _stdin(self) -> SourceFile | None:
        if self.stdin is None:
            return None
        content = self.stdin if isinstance(self.stdin, str) else ""
        return SourceFile(name="stdin", content=content, encoding=self.stdin_encoding)

    def _interaction(self) -> NewInteraction | None:
        if not self.interactive:
            return None
        terminal = None if self.terminal is None else self.terminal.size()
        return NewInteraction(idle_s=self.idle_s, terminal=terminal)

    def _fingerprint(self) -> str:
        """Equal for equal requests, regardless of the order of fields and white space.

        Fields of later versions count only if they are used; otherwise an upgrade would refuse repetitions of
        requests that were accepted before.
        """
        unused = self.unused_later_fields(_LATER_FIELDS)
        canonical = msgspec.json.encode(self.model_dump(mode="json", exclude=unused), order="sorted")
        return hashlib.sha256(canonical).hexdigest()


class BatchBody(RequestBody):
    """Several submissions. Each is checked by itself: one that is wrong does not refuse the others."""

    jobs: tuple[Any, ...] = Field(min_length=1, max_length=BATCH_MAX)
    """Each as for `POST /v1/jobs`."""
