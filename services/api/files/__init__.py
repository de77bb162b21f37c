"""/v1/files: files that a user uploads once, and names in submissions."""
