"""How much one user and all together may ask for and hold."""
