"""The warm sandbox: cells made ahead of time from a zygote, each used once."""
