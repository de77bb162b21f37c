"""What both halves of a dialect agree on, without a service."""
