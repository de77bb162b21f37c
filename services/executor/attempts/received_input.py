"""What a program was given to read while it ran, for its job's result. Pure."""

import hashlib

from shared.domain.interaction import KEPT_BYTES_MAX, PIECES_KEPT_MAX, InputPiece, ReceivedInput
from shared.domain.output_text import as_text, incomplete_tail


class InputRecord:
    """Collects what one attempt is given."""

    def __init__(self) -> None:
        """Nothing was given."""
        self._digest = hashlib.sha256()
        self._kept = bytearray()
        self._shown_bytes = 0
        self._pieces: list[InputPiece] = []
        self._is_cut = False
        self._ended = False
        self.total_bytes = 0

    def add(self, content: bytes, *, at_ms: int, secret: bool) -> None:
        """The program was given these bytes, so long after its stage began."""
        if not content:
            return
        piece = InputPiece(offset=self.total_bytes, length=len(content), at_ms=at_ms, secret=secret)
        self.total_bytes += len(content)
        if len(self._pieces) < PIECES_KEPT_MAX:
            self._pieces.append(piece)
        else:
            self._is_cut = True
        if not secret:
            self._digest.update(content)
            self._shown_bytes += len(content)
            self._kept += content[: KEPT_BYTES_MAX - len(self._kept)]

    def end(self) -> None:
        """The program was told that its input has ended."""
        self._ended = True

    def report(self) -> ReceivedInput:
        """What was given until now."""
        kept = bytes(self._kept)
        is_cut = self._shown_bytes > len(kept)
        if is_cut:
            kept = kept[: len(kept) - incomplete_tail(kept)]
        content, encoding = as_text(kept)
        return ReceivedInput(
            total_bytes=self.total_bytes,
            sha256=self._digest.hexdigest(),
            content=content,
            encoding=encoding,
            truncated=self._is_cut or is_cut,
            ended=self._ended,
            pieces=tuple(self._pieces),
        )
