"""Dialect `livecode`: executions that are polled, and code sessions with autosave; HTTP alone."""

from services.api.dialects.livecode.routes import dialect

__all__ = ["dialect"]
