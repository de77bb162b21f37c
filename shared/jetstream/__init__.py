"""The log on NATS JetStream: connection, append, read, pull consumer, object store, presence."""
