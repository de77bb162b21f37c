"""Server-Sent Events: one subscription of one client."""

from services.notifier.transports.sse.endpoint import transport

__all__ = ["transport"]
