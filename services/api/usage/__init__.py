"""/v1/usage: what the caller holds of everything that users share."""
