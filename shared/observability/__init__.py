"""Log lines and metrics of a service."""
