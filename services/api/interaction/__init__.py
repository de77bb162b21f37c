"""Feature `interaction`: input, signals and the terminal of programs that run."""
