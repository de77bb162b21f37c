"""What every service process has: its life cycle and its HTTP server, pages, access log and problems."""
