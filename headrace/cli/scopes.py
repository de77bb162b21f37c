"""The scope that a command needs: the local stack's token has it, and of another's it is said where it lacks.

A command needs one scope, since none includes another and each opens its routes alone (docs/tokens.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.client.errors import ClosedError, HeadraceError, ProblemAnswerError

# Those of `shared.auth`, whose import takes longer than a command may: a test holds them equal.
JOBS = "jobs"
AUDIT = "audit:all"
OPS = "ops"
SCOPES = frozenset({JOBS, AUDIT, OPS})

FORBIDDEN = "urn:headrace:problem:forbidden"
UNAUTHENTICATED = 4401
LACKING = "the token lacks the scope "
"""What the notifier closes a connection with: its close codes have no other sign of it."""


class MissingScopeError(ProblemAnswerError):
    """The service refused, because the token lacks a scope; `document` is what it said."""

    def __init__(self, refusal: ProblemAnswerError, scope: str) -> None:
        """Say how a token with the scope is had."""
        super().__init__(refusal.document, status=refusal.status)
        self._scope = scope

    def __str__(self) -> str:
        """One line."""
        return advice(self._scope)


class MissingScopeClosedError(HeadraceError):
    """The same, where the service closed the connection of a stream."""


@contextmanager
def needing(scope: str) -> Iterator[None]:
    """Calls that need a scope. Raises MissingScopeError, MissingScopeClosedError."""
    try:
        yield
    except ProblemAnswerError as refusal:
        if refusal.document.get("type") == FORBIDDEN:
            raise MissingScopeError(refusal, scope) from refusal
        raise
    except ClosedError as closed:
        if closed.code == UNAUTHENTICATED and LACKING in str(closed):
            raise MissingScopeClosedError(advice(scope)) from closed
        raise


def advice(scope: str) -> str:
    """Which scope a token needs, and who issues one that has it."""
    return (
        f"the token lacks the scope {scope}: set HEADRACE_TOKEN to one that has it. "
        f"'headrace token --scope {scope}' issues one of a local stack, "
        f"'python -m shared.auth USER --scope {scope}' one where the service's secret is, "
        "else your provider of tokens (docs/tokens.md)"
    )
