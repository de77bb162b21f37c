"""What programs call: the client, with and without an event loop. `headrace` exports its public names."""
