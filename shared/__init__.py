"""What the services agree on: the events, the rules that decide them, and how to reach the log."""
