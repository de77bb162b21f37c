"""The scopes as the command line names them, without importing the contract for it."""

from headrace.cli import scopes
from shared.auth import SCOPE_AUDIT, SCOPE_JOBS, SCOPE_OPS
from shared.auth.claims import SCOPES
from shared.contract.problems import FORBIDDEN


def test_they_are_those_of_the_contract() -> None:
    assert (scopes.JOBS, scopes.AUDIT, scopes.OPS) == (SCOPE_JOBS, SCOPE_AUDIT, SCOPE_OPS)
    assert scopes.SCOPES == SCOPES
    assert FORBIDDEN.uri == scopes.FORBIDDEN
