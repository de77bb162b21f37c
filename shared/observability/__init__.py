"""What a service tells its operator: log lines and metrics."""
