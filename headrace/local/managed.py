"""Runs one service process of a local stack, and restarts it whenever it ends before it was told to."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping
from pathlib import Path

from headrace.local.lifeline import die_with_parent
from headrace.local.stack import StackError
from shared.settings import EXIT_SETTINGS

STOP_TIMEOUT_S = 20.0
RESTART_FIRST_S = 0.2
RESTART_MOST_S = 5.0
STEADY_S = 10.0
LAST_WORDS_MAX = 2_000


class Managed:
    """One service process, restarted whenever it ends before it was told to."""

    def __init__(
        self,
        name: str,
        module: str,
        environment: Mapping[str, str],
        log: Path,
        health_url: str,
        instance: str,
    ) -> None:
        """Prepare; `keep_running` starts it. `health_url` reports the `instance` that listens there."""
        self.name = name
        self.health_url = health_url
        self.instance = instance
        self.restarts = 0
        self.is_refused = False
        """Whether its last end was caused by a setting."""

        self._module = module
        self._environment = environment
        self.log = log
        self._process: Process | None = None
        self._stopping = False
        self.started = asyncio.Event()

    @property
    def process(self) -> Process:
        """The process that runs now, or ran last."""
        if self._process is None:
            raise StackError(f"{self.name} was not started")
        return self._process

    async def keep_running(self, report: Callable[[str], None]) -> None:
        """Start it, and restart it when it ends, until `stop`."""
        pause_s = RESTART_FIRST_S
        clock = asyncio.get_running_loop().time
        while not self._is_stopping():
            began = clock()
            self._process = await self._start()
            self.started.set()
            code = await self._process.wait()
            if self._is_stopping():
                return
            self.restarts += 1
            self.is_refused = code == EXIT_SETTINGS
            pause_s = RESTART_FIRST_S if clock() - began > STEADY_S else min(pause_s * 2, RESTART_MOST_S)
            again = f"{self.name} ended with {code}, starts again in {pause_s:.1f} s (log: {self.log})"
            if not self.is_refused:
                report(again)
            await asyncio.sleep(pause_s)
            if self.is_refused and not self._is_stopping():
                # While the stack starts, this ends the stack and is reported at once (`until_ready`).
                report(f"{self.name}: {self.last_words()}; it is tried again")

    async def stop(self) -> None:
        """Send SIGTERM; kill it if it does not end."""
        self._stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def last_words(self) -> str:
        """Why it ended, as text for people: the end of its log."""
        return last_message(self.log.read_text(errors="replace") if self.log.exists() else "")

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _start(self) -> Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                start_new_session=True,
                preexec_fn=die_with_parent,
            )


def last_message(log: str) -> str:
    """The last line of a service's log; of a JSON line with an error, only the error."""
    lines = log.splitlines()
    last = lines[-1] if lines else "nothing"
    try:
        return str(json.loads(last)["error"])
    except (ValueError, TypeError, KeyError):
        return last[-LAST_WORDS_MAX:]
