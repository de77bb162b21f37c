"""Languages: one TOML file each, detection of those on this host, and their stages."""
