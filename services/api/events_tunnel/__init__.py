"""Events under the api's own port: a connection with a request for the notifier becomes a tunnel to it."""
