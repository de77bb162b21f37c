"""A small dialect that only tests speak, with its own header for keys, its own errors and its own messages.

It shows that a door is one folder: nothing outside of it knows of it, and it needs no other door.
"""
