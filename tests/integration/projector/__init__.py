"""The projector on a real log: as an object, as a process, and after anything that may happen to its file."""
