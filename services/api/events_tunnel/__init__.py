"""Events under the api's own port: a connection that asks for the notifier becomes a tunnel to it."""
