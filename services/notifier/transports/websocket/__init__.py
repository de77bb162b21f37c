"""WebSocket of uvicorn, with bounds, and with messages written as their client takes them."""
