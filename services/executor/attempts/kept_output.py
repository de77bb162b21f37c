"""What is kept of one stream: its beginning and, where that is asked for, its end. Pure."""

from collections import deque


class KeptOutput:
    """Keeps the first bytes of a stream, and the last."""

    def __init__(self, *, head_max: int, tail_max: int = 0) -> None:
        """Keep so many bytes of the beginning, and so many of what follows."""
        self._head_max = head_max
        self._tail_max = tail_max
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.total_bytes = 0

    def add(self, piece: bytes) -> None:
        """The stream goes on with these bytes."""
        self.total_bytes += len(piece)
        room = self._head_max - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        if piece and self._tail_max:
            self._tail.append(piece)
            self._tail_bytes += len(piece)
            while self._tail_bytes - len(self._tail[0]) >= self._tail_max:
                self._tail_bytes -= len(self._tail.popleft())

    @property
    def head(self) -> bytes:
        """The beginning; all of it if nothing is missing."""
        return bytes(self._head) if self._is_cut else bytes(self._head) + self._joined_tail

    @property
    def tail(self) -> bytes:
        """The end; empty if nothing is missing before it."""
        return self._joined_tail[-self._tail_max :] if self._is_cut and self._tail_max else b""

    @property
    def _is_cut(self) -> bool:
        return self.total_bytes > self._head_max + self._tail_max

    @property
    def _joined_tail(self) -> bytes:
        return b"".join(self._tail)
