"""/v1/events: every event of the caller's jobs, or of all, in the order of the log."""
