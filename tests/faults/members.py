"""One place in a fleet, taken by one process after another: whoever ends is started again, as any supervisor
would, and every life is noted.
"""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from headrace.local.lifeline import die_with_parent
from headrace.local.nats_server import NatsServer
from tests.faults.history import Life, now
from tests.faults.history_file import Recorder
from tests.faults.proxy import Proxy

AGAIN_AFTER_S = 0.2
END_WITHIN_S = 25.0


class Member:
    """One place in the fleet, taken by one process after another."""

    def __init__(self, name: str, service: str, recorder: Recorder) -> None:
        """`keep_running` starts it."""
        self.name = name
        self.service = service
        self.proxies: list[Proxy] = []
        self.pids: list[int] = []
        self._recorder = recorder
        self._began_at: datetime | None = None
        self._process: Process | None = None
        self._is_stopping = False

    @property
    def life(self) -> str:
        """The name of the process that runs now, or ran last."""
        return f"{self.name}-{max(1, len(self.pids))}"

    @property
    def is_up(self) -> bool:
        """Whether there is a process that could be disturbed."""
        return self._process is not None and self._process.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if there is one."""
        if self._process is not None and self.is_up:
            self._process.send_signal(number)

    async def keep_running(self) -> None:
        """Start it, and again when it ends, until `stop`."""
        while not self._has_to_stop():
            self._process = await self.start(len(self.pids) + 1)
            self.pids.append(self._process.pid)
            self._began_at = now()
            code = await self._process.wait()
            self._note(now(), code)
            if not self._has_to_stop():
                await asyncio.sleep(AGAIN_AFTER_S)

    async def stop(self, first: signal.Signals = signal.SIGTERM) -> None:
        """End it for good: ask first, and kill it if it does not."""
        self._is_stopping = True
        self.send(signal.SIGCONT)
        self.send(first)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_WITHIN_S):
                if self._process is not None:
                    await self._process.wait()
        self.send(signal.SIGKILL)

    async def start(self, number: int) -> Process:
        """A new process; `number` counts those of this member."""
        raise NotImplementedError

    def _has_to_stop(self) -> bool:
        return self._is_stopping

    def _note(self, ended_at: datetime, code: int) -> None:
        assert self._began_at is not None
        self._recorder.note(
            Life(
                name=self.life,
                service=self.service,
                pid=self.pids[-1],
                began_at=self._began_at,
                ended_at=ended_at,
                exit_code=code,
            )
        )


class Replica(Member):
    """One process of a service."""

    def __init__(
        self, name: str, service: str, recorder: Recorder, *, environment: Mapping[str, str], log: Path
    ) -> None:
        """`environment` is what it is told, but for the name of an executor, which is another each time."""
        super().__init__(name, service, recorder)
        self.log = log
        self.health_url = ""
        self._environment = environment

    async def start(self, number: int) -> Process:
        """As `headrace up` does it."""
        environment = dict(self._environment)
        if self.service == "executor":
            environment["HEADRACE_EXECUTOR_ID"] = f"{self.name}-{number}"
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"services.{self.service}"),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )


class Server(Member):
    """The nats-server."""

    def __init__(self, nats: NatsServer, recorder: Recorder) -> None:
        """It is started already, because streams had to be made."""
        super().__init__("nats", "nats", recorder)
        self._nats = nats

    async def start(self, number: int) -> Process:
        """Take over the running one, or start another on the same port and data."""
        if number > 1:
            await self._nats.start()
        return self._nats.process
