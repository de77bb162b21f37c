"""/v1/languages: what can be asked for."""
