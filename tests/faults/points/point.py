"""One place at which a service is made to die, and which promise must hold then.

A point names a function of a service, never a line of ours in it: production code has no hook. A call counts
once the point is armed, and only if it is about what the point is about.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeAlias

from shared.contract.subjects import parse

When: TypeAlias = Literal["before", "after"]
About: TypeAlias = Callable[[Any], bool]

BEFORE: When = "before"
AFTER: When = "after"


class Row(Enum):
    """The rows of the table "What a crash does" in ARCHITECTURE.md: who dies, and after what."""

    API_APPEND = "| api | append, before the answer |"
    API_INPUT = "| api | input is stored, before the answer |"
    API_ELSEWHERE = "| api | anything else |"
    EXECUTOR_FETCH = "| executor | fetch, before `running` |"
    EXECUTOR_RUNNING = "| executor | `running` |"
    EXECUTOR_FILE = "| executor | a file is stored, before the terminal append |"
    EXECUTOR_TERMINAL = "| executor | terminal append, before ack |"
    EXECUTOR_INPUT = "| executor | input is given, before the program's end |"
    EXECUTOR_PURGE = "| executor | terminal append, before the input is removed |"
    EXECUTOR_DRAIN = "| executor | it was told to stop |"
    PROJECTOR_BATCH = "| projector | batch, before commit |"
    PROJECTOR_QUESTION = "| projector | a question, before the answer |"
    PROJECTOR_REBUILD = "| projector | a rebuild has begun |"
    PROJECTOR_SWEEP = "| projector | tombstone, files, or purge of an expired job |"
    NOTIFIER_INPUT = "| notifier | input is stored, before the answer |"
    NOTIFIER = "| notifier | anything |"


@dataclass(frozen=True, slots=True)
class Point:
    """Dies `when` the `time`-th call of `function` (``module:name``) that is about it begins or has ended.

    "After" an async function means that its await is over and its caller has not seen it. Of a generator each
    item is a time; "after" means that its consumer came back for more. `scenario` leads there; `then` says
    what is left, in the scenario's words. `from_start` points are armed before the process begins, others
    once it is ready. `words` are the command's.
    """

    name: str
    function: str
    when: When
    scenario: str
    row: Row
    then: str = ""
    time: int = 1
    about: About | None = None
    from_start: bool = False
    words: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """Which of the four dies."""
        return self.name.partition(".")[0]

    @property
    def module(self) -> str:
        """Where the function is."""
        return self.function.partition(":")[0]

    @property
    def qualified_name(self) -> str:
        """What it is called there."""
        return self.function.partition(":")[2]

    def __str__(self) -> str:
        return self.name


def is_a(*kinds: type) -> About:
    """About a value of one of these types."""
    return lambda value: isinstance(value, kinds)


def text(begin: str = "", *, end: str = "") -> About:
    """About a text, a subject for example, with this beginning and this end."""
    return lambda value: isinstance(value, str) and value.startswith(begin) and value.endswith(end)


def is_exactly(wanted: object) -> About:
    """About this very value."""
    return lambda value: bool(value == wanted)


def is_path(name: str) -> About:
    """About a file of this name."""
    return lambda value: isinstance(value, Path) and value.name == name


def is_filled(value: object) -> bool:
    """About a list with something in it."""
    return isinstance(value, list) and bool(value)


def of_user(user_id: str) -> About:
    """About a batch of entries, one of which at least is this user's."""
    return lambda value: (
        isinstance(value, list) and any(parse(entry.subject).user_id == user_id for entry in value)
    )
