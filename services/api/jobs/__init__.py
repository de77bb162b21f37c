"""/v1/jobs: submit, list, read, wait for, and cancel jobs."""
