"""HTTP layer of the api: authentication, bodies, conditional requests, pagination, problems."""
