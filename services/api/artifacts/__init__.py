"""/v1/jobs/{id}/artifacts: the files that a job left."""
