"""The sockets of the dialect `executions`: one for each execution, from its present state to its end.

docs/dialects/executions.md has its clauses.
"""

from services.notifier.transports.dialects.executions.endpoint import transport

__all__ = ["transport"]
