"""The half of the warm sandbox that runs inside the isolation: the zygote, and pid 1 of every cell.

The host's own python3 loads these files as its `sitecustomize`, so they use only the standard library and one
another. `ipc` defines the messages that both sides exchange.
"""
