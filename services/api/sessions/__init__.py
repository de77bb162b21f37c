"""/v1/sessions: source documents, saved as they are written, and run."""
