"""``python -m tests.faults.points.nursery <service>``: starts one service often, having imported it once.

A line of JSON on standard input asks for a process, which is forked from here: with the point's trap, or with
none. Answered are its pid, and later its exit code. Forking saves the second that an import takes; nothing
runs before the fork, so that each process is what ``python -m services.<service>`` is.
"""

import json
import os
import selectors
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from tests.faults.points.launch import become, imported
from tests.faults.points.table import find

READ_BYTES = 65_536


class Nursery:
    """Forks, and waits for what it has forked."""

    def __init__(self, service: str) -> None:
        """Import the service."""
        self._service = service
        self._events = selectors.DefaultSelector()
        imported(service)

    def run(self) -> None:
        """Until standard input ends; then everything that still lives is killed."""
        begun = b""
        self._events.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in self._events.select():
                if key.data is not None:
                    self._reap(key.fd, key.data)
                    continue
                read = os.read(0, READ_BYTES)
                if not read:
                    self._end()
                    return
                *lines, begun = (begun + read).split(b"\n")
                for line in lines:
                    self._fork(json.loads(line))

    def _end(self) -> None:
        for key in self._events.get_map().values():
            if key.data is not None:
                os.kill(key.data, signal.SIGKILL)

    def _fork(self, asked: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            self._be(asked)
        _tell(number=asked["number"], pid=pid)
        self._events.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)

    def _reap(self, hold: int, pid: int) -> None:
        self._events.unregister(hold)
        os.close(hold)
        _tell(pid=pid, code=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    def _be(self, asked: dict[str, Any]) -> NoReturn:
        code = 1
        try:
            self._events.close()
            said = os.open(asked["said"], os.O_WRONLY)
            nothing = os.open(os.devnull, os.O_RDWR)
            for number, descriptor in enumerate((nothing, nothing, said)):
                os.dup2(descriptor, number)
            os.closerange(3, 64)
            os.environ.clear()
            os.environ.update(asked["environment"])
            point = find(asked["point"]) if asked["point"] else None
            become(self._service, asked["words"], point, Path(asked["directory"]))
        except SystemExit as end:
            if isinstance(end.code, str):
                sys.stderr.write(f"{end.code}\n")
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - a process has nobody above it
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)


def _tell(**facts: int) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Nursery(sys.argv[1]).run()
