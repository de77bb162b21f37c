"""Three nats-servers, every stream in three replicas: servers are killed, stopped, and frozen under load."""
