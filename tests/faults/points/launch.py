"""``python -m tests.faults.points.launch <point> <directory> [<word> …]``: a service that dies at one point.

It is the service's own ``__main__``, run after one of its functions was wrapped. Just before it kills itself
it writes the point's name into ``<directory>/died``: a death for another reason cannot be taken for it.
"""

import functools
import importlib
import inspect
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tests.faults.points.point import Point
from tests.faults.points.table import find

ARMED = "armed"
DIED = "died"
OURS = ("services.", "shared.")
LANGUAGES = frozenset({"bash", "c"})

Function = Callable[..., Any]


class Trap:
    """Counts the calls of a point's function, and kills this process at the one that is meant."""

    def __init__(self, point: Point, directory: Path) -> None:
        """Armed as soon as the directory holds the file that says so."""
        self._point = point
        self._directory = directory
        self._times = 0

    def is_due(self, given: tuple[Any, ...], named: dict[str, Any]) -> bool:
        """Count one call; whether it is the one."""
        about = self._point.about
        if about is not None and not any(about(value) for value in (*given, *named.values())):
            return False
        if not (self._directory / ARMED).exists():
            return False
        self._times += 1
        return self._times == self._point.time

    def spring(self, when: str) -> None:
        """Die, if this is the moment."""
        if when == self._point.when:
            (self._directory / DIED).write_text(self._point.name)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Function) -> Function:
        """The function with the trap in it, of the same kind: async, a generator, or plain."""
        if inspect.isasyncgenfunction(function):
            return self._around_items(function)
        if inspect.iscoroutinefunction(function):
            return self._around_await(function)

        @functools.wraps(function)
        def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
            due = self.is_due(given, named)
            if due:
                self.spring("before")
            found = function(*given, **named)
            if due:
                self.spring("after")
            return found

        return call

    def _around_await(self, function: Function) -> Function:
        @functools.wraps(function)
        async def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
            due = self.is_due(given, named)
            if due:
                self.spring("before")
            found = await function(*given, **named)
            if due:
                self.spring("after")
            return found

        return call

    def _around_items(self, function: Function) -> Function:
        @functools.wraps(function)
        async def items(*given: Any, **named: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - whatever it takes
            async for item in function(*given, **named):
                due = self.is_due(given, named)
                if due:
                    self.spring("before")
                yield item
                if due:
                    self.spring("after")

        return items


def function_of(point: Point) -> tuple[object, str, Any]:
    """Who owns the point's function, its name there, and what stands there. Raises AttributeError."""
    owner: object = importlib.import_module(point.module)
    *path, name = point.qualified_name.split(".")
    for part in path:
        owner = getattr(owner, part)
    return owner, name, inspect.getattr_static(owner, name)


def set_trap(point: Point, directory: Path) -> None:
    """Put the trap wherever the function is known by name."""
    owner, name, found = function_of(point)
    trap = Trap(point, directory)
    if isinstance(found, staticmethod):
        setattr(owner, name, staticmethod(trap.around(found.__func__)))
        return
    trapped = trap.around(found)
    setattr(owner, name, trapped)
    for module in [module for name, module in sys.modules.items() if name.startswith(OURS)]:
        for alias, value in list(vars(module).items()):
            if value is found:
                setattr(module, alias, trapped)


def imported(service: str) -> None:
    """Have everything loaded that the service loads."""
    importlib.import_module(f"services.{service}.app")


def become(service: str, words: list[str], point: Point | None, directory: Path) -> None:
    """Be the service, with the trap if there is a point. Returns when it ends, or raises SystemExit."""
    if point is not None:
        set_trap(point, directory)
    if service == "executor":
        _offer_few_languages()
    sys.argv = [f"services.{service}", *words]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)


def _offer_few_languages() -> None:
    """Asking every compiler for its version takes as long as all the rest of a start."""
    executor = sys.modules["services.executor.app"]
    load: Callable[[], dict[str, Any]] = vars(executor)["load_languages"]
    vars(executor)["load_languages"] = lambda: {
        name: language for name, language in load().items() if name in LANGUAGES
    }


if __name__ == "__main__":
    asked = find(sys.argv[1])
    imported(asked.service)
    become(asked.service, sys.argv[3:], asked, Path(sys.argv[2]))
