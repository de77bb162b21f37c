"""Public names of the package: the client, the command line, and the stack on one machine.

Each name is imported when it is first used. The package itself imports nothing, not even `typing`: the
command line installs its Ctrl-C handling first.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from headrace.client.client import AsyncClient
    from headrace.client.conversation import Conversation
    from headrace.client.errors import (
        ClosedError,
        HeadraceError,
        HistoryLostError,
        NotFinishedError,
        ProblemAnswerError,
        ProtocolError,
        UnreachableError,
        UsageError,
    )
    from headrace.client.models import (
        Artifacts,
        BatchItem,
        InputState,
        JobShown,
        JobsPage,
        Language,
        WaitingFor,
        kept_bytes,
        output_bytes,
        output_pieces,
    )
    from headrace.client.subscription import Gap
    from headrace.client.sync_client import Client
    from shared.contract.codec import EventObject
    from shared.domain.record import JobRecord, JobSummary
    from shared.version import __version__

__all__ = [
    "Artifacts",
    "AsyncClient",
    "BatchItem",
    "Client",
    "ClosedError",
    "Conversation",
    "EventObject",
    "Gap",
    "HeadraceError",
    "HistoryLostError",
    "InputState",
    "JobRecord",
    "JobShown",
    "JobSummary",
    "JobsPage",
    "Language",
    "NotFinishedError",
    "ProblemAnswerError",
    "ProtocolError",
    "UnreachableError",
    "UsageError",
    "WaitingFor",
    "__version__",
    "kept_bytes",
    "output_bytes",
    "output_pieces",
]

_HOMES = {
    "headrace.client.models": (
        "Artifacts",
        "BatchItem",
        "InputState",
        "JobShown",
        "JobsPage",
        "Language",
        "WaitingFor",
        "kept_bytes",
        "output_bytes",
        "output_pieces",
    ),
    "headrace.client.sync_client": ("Client",),
    "headrace.client.client": ("AsyncClient",),
    "headrace.client.conversation": ("Conversation",),
    "headrace.client.errors": (
        "ClosedError",
        "HeadraceError",
        "HistoryLostError",
        "NotFinishedError",
        "ProblemAnswerError",
        "ProtocolError",
        "UnreachableError",
        "UsageError",
    ),
    "headrace.client.subscription": ("Gap",),
    "shared.contract.codec": ("EventObject",),
    "shared.domain.record": ("JobRecord", "JobSummary"),
    "shared.version": ("__version__",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:
    # Type checkers see exactly these names.
    def __getattr__(name: str) -> object:
        """Import a name on first use."""
        from importlib import import_module  # noqa: PLC0415 - as the module says

        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
