"""The order in which a stage's two streams were read, bounded, for its job's result. Pure.

A program may write to both streams between two reads. Then the order of these two pieces is the order in
which the kernel reported the pipes, which is as a rule the order of the first bytes in them.
"""

from collections.abc import Mapping

from shared.domain.enumerations import StreamName
from shared.domain.output_text import incomplete_tail
from shared.domain.result import OutputOrder, OutputRun

RUNS_MAX = 256
"""So many runs are kept, some 15 KiB of an event. Beyond them, only the order in each stream is known."""


class ReadOrder:
    """Collects the order of one stage's output while it is read."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._runs: list[tuple[StreamName, int]] = []
        self._read: dict[StreamName, int] = {"stdout": 0, "stderr": 0}
        self._truncated = False

    def add(self, stream: StreamName, length: int) -> None:
        """So many bytes of this stream were read next."""
        if self._truncated:
            return
        self._read[stream] += length
        if self._runs and self._runs[-1][0] == stream:
            self._runs[-1] = stream, self._read[stream]
        elif len(self._runs) < RUNS_MAX:
            self._runs.append((stream, self._read[stream]))
        else:
            self._truncated = True

    def of(self, kept: Mapping[StreamName, bytes]) -> OutputOrder | None:
        """The order of what was kept; None if one of the streams is empty.

        No run ends within a UTF-8 character, unless the stream does: a character belongs to the run in which
        its last byte was read.
        """
        if not all(kept.values()):
            return None
        runs: list[OutputRun] = []
        told = dict.fromkeys(kept, 0)
        for stream, read in self._runs:
            end = _whole(kept[stream], read)
            if end <= told[stream]:
                continue
            offset = runs.pop().offset if runs and runs[-1].stream == stream else told[stream]
            runs.append(OutputRun(stream=stream, offset=offset, length=end - offset))
            told[stream] = end
        return OutputOrder(runs=tuple(runs), truncated=self._truncated)


def _whole(content: bytes, end: int) -> int:
    """The end of the last whole character before `end`, or the content's own."""
    if end >= len(content):
        return len(content)
    return end - incomplete_tail(content[max(0, end - 4) : end])
