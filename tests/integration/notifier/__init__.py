"""The notifier over real sockets and a real nats-server."""
