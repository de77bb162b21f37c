"""Dialects as their clients see them: HTTP and WebSocket, below a prefix or at a port of their own.

The pages in docs/dialects/ have numbered clauses; `test_rows` counts that each has a test that names it.
"""
