"""The WebSocket subprotocol `headrace.v1` (docs/protocol.md)."""

from services.notifier.transports.headrace_v1.endpoint import transport

__all__ = ["transport"]
