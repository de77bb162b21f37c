"""Programs that read while they run: what a submission asks for, and what became of its input. Pure."""

from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import OpenEncoding

PIECE_BYTES_MAX = 64 * 1024
"""Bytes of one piece of input."""
PIECES_MAX = 20_000
"""Messages of one job's input: as many keys as a person types in an hour."""
EARLY_BYTES_MAX = 16 * 1024
"""Bytes of input that a job may have before it runs: nothing reads them, and many jobs may wait."""
KEPT_BYTES_MAX = 64 * 1024
"""Bytes of the input that the result keeps."""
PIECES_KEPT_MAX = 256
"""Pieces of the input whose times the result keeps."""
TERMINAL_MAX = 1_000
"""Columns, and rows, of a terminal."""


class TerminalSize(ContractStruct, frozen=True, kw_only=True):
    """The size of a terminal, in characters."""

    columns: int
    """Characters of a line."""
    rows: int
    """Lines."""


class Interaction(ContractStruct, frozen=True, kw_only=True):
    """How a job reads its standard input while it runs, within these bounds."""

    idle_s: int
    """Seconds without input or output after which it is ended, as `timeout` with the reason `idle`."""
    input_bytes: int
    """The most input that it is given."""
    output_bytes: int
    """The most that it may print to each stream; of which the result keeps beginning and end."""
    terminal: TerminalSize | None = None
    """The terminal that it runs in, with its first size; None for pipes."""


class InputPiece(ContractStruct, frozen=True, kw_only=True):
    """A piece of input, and when the program was given it."""

    offset: int
    """How many bytes of the input come before it."""
    length: int
    """How many bytes it has."""
    at_ms: int
    """Milliseconds since its stage began."""
    secret: bool = False
    """Whether its bytes are kept nowhere."""


class ReceivedInput(ContractStruct, frozen=True, kw_only=True):
    """What the program was given to read while it ran. Secret pieces count as bytes, and nothing else of them
    is kept."""

    total_bytes: int
    """How many bytes it was given."""
    sha256: str
    """SHA-256 of these bytes without the secret ones, in hexadecimal."""
    content: str = ""
    """The first of these bytes without the secret ones, in the given encoding."""
    encoding: OpenEncoding = "utf-8"
    """`base64` where the bytes are not UTF-8."""
    truncated: bool = False
    """Whether `content` or `pieces` are not whole."""
    ended: bool = False
    """Whether the program was told that its input has ended."""
    pieces: tuple[InputPiece, ...] = ()
    """What came when. Later pieces than the first 256 are left out."""
