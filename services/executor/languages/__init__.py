"""The languages: one TOML file each, what this host offers of them, and their stages."""
