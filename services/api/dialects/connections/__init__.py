"""Dialect `connections` over HTTP: a job for one connection of the notifier, or one that is waited for."""

from services.api.dialects.connections.routes import dialect

__all__ = ["dialect"]
