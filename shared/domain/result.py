"""What became of one attempt: its output, what its stages used, its files, how it ended.

It is a part of the terminal event, and stored and published with it. Pure.
"""

from msgspec import UNSET, UnsetType

from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import OpenEncoding, OpenStageName, OpenStreamName
from shared.domain.interaction import ReceivedInput

STAGE_OUTPUT_BYTES_MAX = 32 * 1024
"""Bytes kept of each stream of a stage before the last; with the last stage's streams they fit one event."""


class OutputTail(ContractStruct, frozen=True, kw_only=True):
    """The end of a stream of which the middle was not kept."""

    offset: int
    """How many bytes of the stream come before it."""
    content: str
    """The bytes from there to the end, in the given encoding."""
    encoding: OpenEncoding = "utf-8"
    """`base64` where the bytes are not UTF-8."""


class Output(ContractStruct, frozen=True, kw_only=True):
    """What was kept of one stream: text, or base64 where the bytes are not UTF-8."""

    content: str = ""
    """What was kept, in the given encoding."""
    encoding: OpenEncoding = "utf-8"
    """`base64` where the bytes are not UTF-8."""
    kept_bytes: int = 0
    """How many bytes of the stream `content` holds."""
    total_bytes: int = 0
    """How many bytes were read of the stream."""
    truncated: bool = False
    """Whether more was printed than was kept."""
    tail: OutputTail | UnsetType = UNSET
    """The stream's end, of an interactive job that printed more than is kept; absent otherwise."""


class OutputRun(ContractStruct, frozen=True, kw_only=True):
    """Bytes of one stream between which the executor read none of the other."""

    stream: OpenStreamName
    """Whose bytes they are."""
    offset: int
    """How many bytes of the stream come before them."""
    length: int
    """How many bytes they are."""


class OutputOrder(ContractStruct, frozen=True, kw_only=True):
    """The order in which the executor read what was kept of both streams."""

    runs: tuple[OutputRun, ...]
    """One after the other, each stream from its beginning and without gaps. At most 256."""
    truncated: bool = False
    """Whether the streams took turns more often: of what follows the runs only each stream's own order is
    known."""


class StageReport(ContractStruct, frozen=True, kw_only=True):
    """What one stage used, and what it printed before the last one began (`STAGE_OUTPUT_BYTES_MAX`)."""

    name: OpenStageName
    """Which stage this is."""
    wall_ms: int
    """Time from its start to its end."""
    cpu_ms: int
    """Processor time of all its processes together."""
    memory_peak_bytes: int | None = None
    """The most memory that it used at a time; None where that was not measured."""
    exit_code: int | None = None
    """Its exit code; None when a signal ended it."""
    cached: bool = False
    """The compiler was not run and used nothing: its product of the same program was at hand."""
    stdout: Output | None = None
    """What a stage before the last printed, such as a compiler's warnings: at most 32 KiB are kept."""
    stderr: Output | None = None
    """The same of its standard error. What the last stage printed is the result's own."""


class Artifact(ContractStruct, frozen=True, kw_only=True):
    """A file that the program produced, kept in the object store."""

    path: str
    """Its path below the work directory."""
    size: int
    """Bytes of the file."""
    sha256: str
    """SHA-256 of the file, in hexadecimal; also its entity tag."""


class SkippedArtifact(ContractStruct, frozen=True, kw_only=True):
    """A file that was asked for and is not kept, and why."""

    path: str
    """Its path below the work directory; empty where `reason` counts the others."""
    reason: str
    """Why it is not kept, for people."""


class Result(ContractStruct, frozen=True, kw_only=True):
    """What became of one attempt: how it ended, what it printed, what it used, and which files it left."""

    exit_code: int | None = None
    """Of the stage that ended the attempt; None when a signal ended it."""
    signal: int | None = None
    """The number of the signal that ended it; None when it ended by itself."""
    stdout: Output = Output()
    """What the last stage printed to its standard output."""
    stderr: Output = Output()
    """What the last stage printed to its standard error."""
    order: OutputOrder | None = None
    """In which order pieces of these two streams came; None if one of them is empty, and in results of
    earlier versions."""
    stages: tuple[StageReport, ...] = ()
    """What each stage used, in the order in which they ran."""
    wall_ms: int = 0
    """Of all stages together."""
    cpu_ms: int = 0
    """Processor time of all stages together."""
    memory_peak_bytes: int | None = None
    """The largest of all stages; None where it was not measured."""
    artifacts: tuple[Artifact, ...] = ()
    """The files that were kept."""
    skipped: tuple[SkippedArtifact, ...] = ()
    """The files that were asked for and are not kept."""
    input: ReceivedInput | UnsetType = UNSET
    """What an interactive job was given to read; absent for any other."""
