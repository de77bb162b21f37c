"""The log on NATS JetStream: the connection, appending, reading, pulling, stored objects, presence."""
