"""The command's own terminal: keys as they are pressed, and modes that are restored whatever happens."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.keyboard import USUAL_SIZE, pieces_of, raw_mode, window_size

IN_RAW_MODE = """
import signal, sys
from headrace.cli.keyboard import raw_mode
with raw_mode(0):
    sys.stdout.write("raw\\n")
    sys.stdout.flush()
    signal.pause()
"""


@dataclass(frozen=True)
class Pair:
    """Both ends of a terminal."""

    master: int
    slave: int

    @property
    def modes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    @property
    def is_raw(self) -> bool:
        return not self.modes[3] & (termios.ICANON | termios.ECHO | termios.ISIG)


@pytest.fixture
def pair() -> Iterator[Pair]:
    master, slave = pty.openpty()
    yield Pair(master, slave)
    for each in (master, slave):
        with suppress(OSError):
            os.close(each)


def test_modes_are_restored_at_the_end(pair: Pair) -> None:
    before = pair.modes
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCONT)]
    with raw_mode(pair.slave):
        assert pair.is_raw
    assert pair.modes == before
    assert handlers == [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGCONT)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
def test_modes_are_restored_after_an_exception(pair: Pair, error: type[BaseException]) -> None:
    before = pair.modes
    with pytest.raises(error), raw_mode(pair.slave):
        raise error
    assert pair.modes == before


def test_a_terminal_that_is_gone_is_no_error(pair: Pair) -> None:
    with raw_mode(pair.slave):
        os.close(pair.master)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_modes_are_restored_before_a_signal_ends_the_process(pair: Pair, number: int) -> None:
    before = pair.modes
    with subprocess.Popen(  # noqa: S603 - Python itself
        [sys.executable, "-c", IN_RAW_MODE], stdin=pair.slave, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"raw\n"
        assert pair.is_raw
        process.send_signal(number)
        assert process.wait(30) == -number
    assert pair.modes == before


def test_the_mode_is_raw_again_after_the_process_was_stopped(pair: Pair) -> None:
    before = pair.modes
    with raw_mode(pair.slave):
        termios.tcsetattr(pair.slave, termios.TCSANOW, before)
        os.kill(os.getpid(), signal.SIGCONT)
        assert pair.is_raw
    assert pair.modes == before


async def test_keys_come_as_they_are_pressed(pair: Pair) -> None:
    with raw_mode(pair.slave):
        async with aclosing(pieces_of(pair.slave)) as pieces:
            for keys in (b"a", b"\x03", b"\r", "é".encode()):
                os.write(pair.master, keys)
                assert await anext(pieces) == keys
            os.close(pair.master)
            assert [piece async for piece in pieces] == []


async def test_a_pipe_and_a_file_are_read_to_their_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one")
    async with aclosing(pieces_of(reading)) as pieces:
        assert await anext(pieces) == b"one"
        os.close(writing)
        assert [piece async for piece in pieces] == []
    os.close(reading)
    file = tmp_path / "input"
    file.write_bytes(b"x" * 100_000)
    with file.open("rb") as opened:
        found = [piece async for piece in pieces_of(opened.fileno())]
    assert b"".join(found) == file.read_bytes()


def test_a_size_is_one_that_a_job_may_have(pair: Pair, tmp_path: Path) -> None:
    for told, expected in (((30, 100), (100, 30)), ((0, 0), USUAL_SIZE), ((2_000, 5_000), (1_000, 1_000))):
        fcntl.ioctl(pair.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *told, 0, 0))
        assert window_size(pair.slave) == expected
    with (tmp_path / "none").open("wb") as file:
        assert window_size(file.fileno()) == USUAL_SIZE
