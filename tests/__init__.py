"""The tests: a folder per kind, helpers beside them."""
