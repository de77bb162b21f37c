"""The HTTP server of every service: uvicorn, bounded before a token is read (docs/bounds/connections.md)."""
