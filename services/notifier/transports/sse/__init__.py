"""Server-Sent Events: one subscription of one client."""
