"""What services and clients agree on: subjects, encoded events, requests to the view, problems. Pure."""
