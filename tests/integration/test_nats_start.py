"""The start of a stack's nats-server: long ones are told, and what is given up leaves no process."""

import asyncio
import signal
from pathlib import Path

import pytest

from headrace.local import supervisor
from headrace.local.nats_server import NatsServer, NatsServerError
from headrace.local.supervisor import run_stack


async def test_a_start_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats", user="admin", password="a secret")
    starting = asyncio.create_task(server.start())
    while True:
        try:
            server.process.send_signal(signal.SIGSTOP)
            break
        except NatsServerError:
            await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert server.process.returncode == -signal.SIGKILL


async def test_a_start_that_takes_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SLOW_START_S", 0)
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "data").write_text("where its directory should be")
    told = list[str]()
    with pytest.raises(NatsServerError, match="ended at once"):
        async with run_stack(tmp_path, report=told.append):
            pass
    assert told == ["nats-server reads its log first"]
