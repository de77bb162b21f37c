"""The rules of the scheduler, without a server: each by itself, then all of them at random."""
