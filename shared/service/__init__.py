"""Parts of every service process: life cycle, HTTP server, pages, access log, problem responses."""
