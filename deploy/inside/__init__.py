"""What an image holds besides `shared` and its service: how it was checked, and how its health is asked."""
