"""A program to be submitted, from any door. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from shared.contract import problems
from shared.contract.problems import FieldError, ProblemError
from shared.domain.events import ClampedLimit, Limits, SourceFile
from shared.domain.interaction import TerminalSize

LimitsPolicy: TypeAlias = Literal["refuse", "clamp"]
"""What happens to a submission with a limit beyond the operator's maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReference:
    """A file that is stored already: an uploaded one by its address, or one that a job left."""

    file: str | None = None
    job: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInteraction:
    """That a program reads input while it runs, and how."""

    idle_s: int | None = None
    """None leaves it to the service."""
    terminal: TerminalSize | None = None
    """None for pipes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A submission, as every door builds it from its own requests. Its fields have been validated."""

    language: str
    """A name or an alias."""
    fingerprint: str
    """Equal for equal requests only; repetitions of an idempotency key must match it."""
    code: str | None = None
    """The program, where it is one file; then `files` is empty."""
    files: tuple[SourceFile, ...] = ()
    entrypoint: str | None = None
    """None leaves it to the language, or to the only file."""
    stdin: SourceFile | None = None
    references: Mapping[int, FileReference] = field(default_factory=dict)
    """Where the content of some of the `files` is stored, by their places: they are empty themselves."""
    stdin_reference: FileReference | None = None
    """Likewise of `stdin`."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    """By the names of `Limits`; the language's defaults apply to absent ones."""
    limits_policy: LimitsPolicy = "refuse"
    labels: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[str, ...] = ()
    ttl_s: int | None = None
    compiler_args: tuple[str, ...] = ()
    interpreter_args: tuple[str, ...] = ()
    """Words for the language's commands, not yet compared with what it allows."""
    working_directory: str | None = None
    """Where the program starts; None for /work."""
    interaction: NewInteraction | None = None
    """None for a program whose whole input is `stdin`; for any other there is no `stdin`."""

    def files_of(self, default_entrypoint: str) -> tuple[SourceFile, ...]:
        """All files of the program; `code` becomes the file `default_entrypoint`."""
        if self.code is not None:
            return (SourceFile(name=self.entrypoint or default_entrypoint, content=self.code),)
        return self.files

    def entrypoint_of(self, default_entrypoint: str) -> str:
        """The file to run. Raises ProblemError (422) if that is ambiguous."""
        files = self.files_of(default_entrypoint)
        names = {file.name for file in files}
        wanted = self.entrypoint or (default_entrypoint if default_entrypoint in names else None)
        if wanted is None and len(files) == 1:
            return files[0].name
        if wanted not in names:
            error = FieldError(
                "entrypoint", f"name one of the files, or call one of them {default_entrypoint}"
            )
            raise ProblemError(problems.INVALID, "it is not clear where the program starts", errors=(error,))
        return wanted

    def limits_over(self, default: Limits, clamped: Sequence[ClampedLimit] = ()) -> Limits:
        """What the run may use: of `clamped` limits what is applied."""
        applied = {**self.limits, **{one.name: one.applied for one in clamped}}
        return msgspec.structs.replace(default, **applied) if applied else default
