"""/v1/sessions: source documents that are saved while they are edited, and run on request."""
