"""Contract between services and clients: subjects, encoded events, view requests, problems. Pure."""
