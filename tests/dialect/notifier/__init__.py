"""The real-time half of the dialect: small WebSocket messages, its own header, its own shape of errors."""

from tests.dialect.notifier.endpoint import transport

__all__ = ["transport"]
