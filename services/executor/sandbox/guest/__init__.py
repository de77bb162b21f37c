"""The half of the warm sandbox that runs inside its walls: the zygote, and pid 1 of every cell.

These files are shown to the host's own python3 as its `sitecustomize`, so they use nothing but the standard
library and one another. `wire` is what both sides know of each other's messages.
"""
