"""The server of every service with a small application behind it: its bounds, one by one."""
