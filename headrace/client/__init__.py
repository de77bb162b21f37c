"""The client, with and without an event loop. `headrace` exports its public names."""
