"""How the dialect writes what the core tells: output as text, the end as a number, and nothing else."""

from typing import Any, assert_never

import msgspec

from services.notifier.connections.close import COMPLETE, RESTARTING, Close
from services.notifier.events.item import EncodedEvent
from services.notifier.events.outcomes import Announcement, Ended, Gap, Started
from shared.contract.codec import EventObject

_encode = msgspec.json.encode
_KINDS = {"stdout": "out", "stderr": "err"}


class RunsEncoding:
    """JSON objects told apart by `kind`. A run is named by its job id, and so is its subscription."""

    def event(self, event: EncodedEvent, subscription_id: str) -> bytes | None:
        """`out` and `err` as a program prints, `end` when it has ended."""
        shown = event.decode()
        match shown.type.split("."):
            case ["job", "output", _]:
                return _encode({"kind": _KINDS[shown.data["stream"]], "text": shown.data["content"]})
            case ["job", "completed" | "failed" | "timeout" | "cancelled", _]:
                return _encode({"kind": "end", "code": _exit_code(shown)})
            case _:
                return None

    def announcement(self, announcement: Announcement, subscription_id: str) -> bytes | None:
        """`watching` first, and `lost` where output may be missing. The end has its own event."""
        match announcement:
            case Started():
                return _encode({"kind": "watching"})
            case Gap():
                return _encode({"kind": "lost"})
            case Ended():
                return None
        assert_never(announcement)


def encode_oops(why: str) -> bytes:
    """The one shape of an error."""
    return _encode({"kind": "oops", "why": why})


def code_of(close: Close) -> int:
    """All that the dialect tells by close codes."""
    return {COMPLETE: 1000, RESTARTING: 1012}.get(close.cause, 4000)


def _exit_code(event: EventObject) -> int | None:
    result: dict[str, Any] = event.data.get("result") or {}
    return result.get("exit_code")
