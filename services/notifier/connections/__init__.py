"""One client, whatever carries its events: its outbox, its place, its token."""
