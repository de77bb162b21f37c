"""The cold sandbox: one bubblewrap for each stage."""
