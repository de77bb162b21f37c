"""One attempt at a job, from its slot to its terminal event."""
