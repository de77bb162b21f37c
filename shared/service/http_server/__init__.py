"""HTTP server of every service: uvicorn with bounds that apply before authentication.

See docs/bounds/connections.md.
"""
