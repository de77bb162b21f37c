"""How much one user and all together may ask for and hold, and /v1/usage that tells it."""
