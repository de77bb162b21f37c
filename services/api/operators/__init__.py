"""What operators may do: read and retry dead letters, erase a user."""
