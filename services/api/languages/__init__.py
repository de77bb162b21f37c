"""/v1/languages: the languages that submissions may name."""
