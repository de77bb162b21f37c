"""Log files that are held open and do not grow for ever."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from headrace.local import log_files
from headrace.local.log_files import keep_small, rotate


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "api.log"


@pytest.fixture
def writer(log: Path) -> Iterator[BinaryIO]:
    """As a service has it: open for appending, and never opened again."""
    with log.open("ab", buffering=0) as file:
        yield file


def test_a_writer_goes_on_and_nothing_that_it_wrote_is_lost(log: Path, writer: BinaryIO) -> None:
    for number in range(4):
        writer.write(b"%d" % number * 10)
        assert rotate(log, bytes_max=9, copies=3)
        assert log.read_bytes() == b""
    writer.write(b"last")
    assert not rotate(log, bytes_max=9, copies=3)
    assert {path.name: path.read_bytes() for path in log.parent.iterdir()} == {
        "api.log": b"last",
        "api.log.1": b"3" * 10,
        "api.log.2": b"2" * 10,
        "api.log.3": b"1" * 10,
    }


def test_what_cannot_be_copied_is_not_cut(log: Path, writer: BinaryIO) -> None:
    writer.write(b"x" * 10)
    (log.parent / "api.log.1" / "occupied").mkdir(parents=True)
    (log.parent / "api.log.2").touch()
    with pytest.raises(OSError):  # noqa: PT011 - whichever the file system says
        rotate(log, bytes_max=9, copies=2)
    assert log.read_bytes() == b"x" * 10
    assert not (log.parent / "api.log.0").exists()


def test_what_is_no_file_is_left_alone(log: Path) -> None:
    assert not rotate(log, bytes_max=0)
    log.mkdir()
    assert not rotate(log, bytes_max=0)


async def test_it_is_looked_at_again_and_again(
    monkeypatch: pytest.MonkeyPatch, log: Path, writer: BinaryIO
) -> None:
    """Also when one of them cannot be rotated, which is said once."""
    loop, rotated = asyncio.get_running_loop(), asyncio.Event()

    def rotating(path: Path, *, bytes_max: int) -> bool:
        done = rotate(path, bytes_max=bytes_max)
        if done:
            loop.call_soon_threadsafe(rotated.set)
        return done

    monkeypatch.setattr(log_files, "LOOK_S", 0.0)
    monkeypatch.setattr(log_files, "rotate", rotating)
    broken = log.with_name("broken.log")
    broken.write_bytes(b"x" * 10)
    (log.parent / "broken.log.0").mkdir()
    said: list[str] = []
    keeping = asyncio.create_task(keep_small([broken, log], said.append, bytes_max=9))
    for letter in (b"a", b"b"):
        rotated.clear()
        writer.write(letter * 10)
        async with asyncio.timeout(30):
            await rotated.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert log.with_name("api.log.2").read_bytes() == b"a" * 10
    (line,) = said
    assert line.startswith(f"{broken} grows: ")
    assert broken.read_bytes() == b"x" * 10
