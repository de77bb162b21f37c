"""What a cell is isolated by: system call filter, file system, users, resource limits."""
