"""The view without a log: what batches do to it, and what questions find in it."""
