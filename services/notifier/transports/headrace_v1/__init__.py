"""The WebSocket subprotocol `headrace.v1` (docs/protocol.md)."""
