"""The notifier's rules without a socket: protocol, cursor, order, hub, merge, outbox."""
