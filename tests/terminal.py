"""A command on a real terminal: what it writes there, what stands there, and keys pressed."""

import asyncio
import codecs
import fcntl
import os
import pty
import re
import struct
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

CTRL_C = b"\x03"
COLUMNS = 100
Where: TypeAlias = int | IO[bytes] | None

_PIECE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\r|\n|\x08|[^\x1b\r\n\x08]+")


@dataclass
class OnTerminal:
    """A command whose standard error is a terminal, which it controls; so is its standard input."""

    process: Process
    master: int
    written: str = ""
    """All that it wrote there so far, with the echo of the keys."""
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: bool = False
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    async def until(self, text: str, *, within_s: float = 60) -> None:
        """It has written this. Raises AssertionError if it ends without."""
        async with asyncio.timeout(within_s):
            while text not in self.written:
                assert not self._ended, self.written
                self._more.clear()
                await self._more.wait()

    def press(self, keys: bytes) -> None:
        """As if typed; Ctrl-C reaches all processes of the terminal."""
        os.write(self.master, keys)

    async def end(self, *, within_s: float = 60) -> int:
        """Its exit code, when it has ended and all is read that it wrote."""
        async with asyncio.timeout(within_s):
            code = await self.process.wait()
            while not self._ended:
                self._more.clear()
                await self._more.wait()
        return code

    @property
    def screen(self) -> list[str]:
        """The lines that stand there now, without empty ones at the end."""
        return shown(self.written)

    def read(self) -> None:
        """What is there to be read."""
        try:
            piece = os.read(self.master, 65_536)
        except OSError:
            # EIO: nobody has the other end any more.
            piece = b""
        if not piece:
            self._ended = True
            asyncio.get_running_loop().remove_reader(self.master)
        self.written += self._decoder.decode(piece)
        self._more.set()


@asynccontextmanager
async def on_terminal(
    *words: object, environment: Mapping[str, str], stdout: Where = None, cwd: Path | None = None
) -> AsyncIterator[OnTerminal]:
    """Run a command there; its standard output too, unless that goes elsewhere."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    # Without the first line Ctrl-C on a terminal reaches nobody.
    process = await asyncio.create_subprocess_exec(
        *("setsid", "--ctty"),
        *map(str, words),
        stdin=slave,
        stdout=slave if stdout is None else stdout,
        stderr=slave,
        cwd=cwd,
        env={"TERM": "xterm", "NO_COLOR": "1", **environment},
    )
    os.close(slave)
    running = OnTerminal(process, master)
    asyncio.get_running_loop().add_reader(master, running.read)
    try:
        yield running
    finally:
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)
        if process.returncode is None:
            process.kill()
            await process.wait()


def shown(written: str) -> list[str]:
    """What a terminal shows of this. Raises AssertionError for a control sequence that it does not know."""
    lines, row, column = [""], 0, 0
    position = 0
    for piece in _PIECE.finditer(written):
        assert piece.start() == position, repr(written[position:])
        position = piece.end()
        match (piece[0], piece[1], piece[2]):
            case ("\r", _, _):
                column = 0
            case ("\b", _, _):
                column = max(0, column - 1)
            case ("\n", _, _):
                row += 1
                lines += [""] * (row + 1 - len(lines))
            case (_, "2", "K"):
                lines[row] = ""
            case (_, count, "A"):
                row -= int(count)
            case (_, "?25", _) | (_, _, "m"):
                pass
            case (text, None, _):
                lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
                column += len(text)
            case _:
                raise AssertionError(repr(piece[0]))
    assert position == len(written), repr(written[position:])
    while lines and not lines[-1]:
        lines.pop()
    return lines
