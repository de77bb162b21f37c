"""Dialect `connections` over WebSockets: a connection is told the results of the jobs that name it."""

from services.notifier.transports.dialects.connections.endpoint import transport

__all__ = ["transport"]
