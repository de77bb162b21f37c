"""The scope that a command needs: the local stack issues it; for another service, the error names it.

A command needs one scope: no scope includes another, and each opens only its own routes (docs/tokens.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.client.errors import ClosedError, HeadraceError, ProblemAnswerError

# Copies of those in `shared.auth`, which takes too long to import; a test compares them.
JOBS = "jobs"
AUDIT = "audit:all"
OPS = "ops"
SCOPES = frozenset({JOBS, AUDIT, OPS})

FORBIDDEN = "urn:headrace:problem:forbidden"
UNAUTHENTICATED = 4401
LACKING = "the token lacks the scope "
"""The reason with which the notifier closes a connection: no close code is specific to a missing scope."""


class MissingScopeError(ProblemAnswerError):
    """The service refused, because the token lacks a scope; `document` is its problem document."""

    def __init__(self, refusal: ProblemAnswerError, scope: str) -> None:
        """Describe how to get a token with the scope."""
        super().__init__(refusal.document, status=refusal.status)
        self._scope = scope

    def __str__(self) -> str:
        """One line."""
        return advice(self._scope)


class MissingScopeClosedError(HeadraceError):
    """The same, where the service closed a stream's connection."""


@contextmanager
def explain_missing_scope(scope: str) -> Iterator[None]:
    """Context for calls that need a scope. Raises MissingScopeError, MissingScopeClosedError."""
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
    """The scope that a token needs, and where to get one that has it."""
    return (
        f"the token lacks the scope {scope}: set HEADRACE_TOKEN to one that has it. "
        f"'headrace token --scope {scope}' issues one of a local stack, "
        f"'python -m shared.auth USER --scope {scope}' one where the service's secret is, "
        "else your provider of tokens (docs/tokens.md)"
    )
