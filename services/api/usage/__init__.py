"""/v1/usage: the caller's usage of every shared store and place."""
