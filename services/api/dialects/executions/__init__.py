"""The dialect `executions` over HTTP: submit, read the status, and the health of the service.

docs/dialects/executions.md has its clauses.
"""

from services.api.dialects.executions.routes import dialect

__all__ = ["dialect"]
