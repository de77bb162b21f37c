"""Tests: the AsyncAPI document of the WebSocket protocol, and the official parser that reads it."""
