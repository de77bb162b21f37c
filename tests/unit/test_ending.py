"""Ending and removing a stack: only its own process, and only its own files."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest

from headrace.local.ending import remove_stack, stop_stack
from headrace.local.stack import Address, StackError, announce, claim, is_claimed, load_secrets


def address(pid: int) -> Address:
    return Address(api_url="http://x", websocket_url="ws://x", nats_url="nats://x", supervisor_pid=pid)


async def test_where_no_stack_runs_nothing_is_stopped(tmp_path: Path) -> None:
    assert await stop_stack(tmp_path / "nowhere") is None
    (tmp_path / "stack.json").write_bytes(msgspec.json.encode(address(os.getpid())))
    with claim(tmp_path):
        pass
    assert await stop_stack(tmp_path) is None


async def test_a_process_that_is_no_supervisor_of_it_is_left_alone(tmp_path: Path) -> None:
    """As where a dead stack left its pid, which another program has now, and the next stack starts."""
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    said = f"process {other.pid} is not the supervisor"
    with claim(tmp_path), announce(tmp_path, address(other.pid)), pytest.raises(StackError, match=said):
        await stop_stack(tmp_path)
    assert other.stdin is not None
    other.stdin.write(b"\n")
    # It has not been told to end, and so ends as it likes.
    assert await other.wait() == 0


async def test_one_that_starts_is_not_stopped(tmp_path: Path) -> None:
    with claim(tmp_path):
        with pytest.raises(StackError, match="starts or ends"):
            await stop_stack(tmp_path)
        (tmp_path / "stack.json").write_bytes(msgspec.json.encode(address(2**22 + 1)))
        with pytest.raises(StackError, match="starts or ends"):
            await stop_stack(tmp_path)


def test_all_that_a_stack_made_is_removed(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with claim(directory):
        load_secrets(directory)
    for name in ("view.sqlite", "view.sqlite-wal", "api.log", "api.log.1", "nats/data/x"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert remove_stack(directory) == ()
    assert not directory.exists()


def test_what_is_not_a_stacks_stays(tmp_path: Path) -> None:
    with claim(tmp_path):
        load_secrets(tmp_path)
    elsewhere = tmp_path.parent / "kept"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (tmp_path / "thesis.tex").touch()
    (tmp_path / "nats").symlink_to(elsewhere)
    assert remove_stack(tmp_path) == ("thesis.tex",)
    assert (elsewhere / "precious").exists()
    (elsewhere / "precious").unlink()
    elsewhere.rmdir()


def test_a_directory_of_others_and_a_running_stack_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.log").touch()
    with pytest.raises(StackError, match="no stack's directory"):
        remove_stack(tmp_path)
    assert (tmp_path / "thesis.log").exists()
    with claim(tmp_path):
        assert is_claimed(tmp_path)
        with pytest.raises(StackError, match="runs already"):
            remove_stack(tmp_path)
    assert not is_claimed(tmp_path)
