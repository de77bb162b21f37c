"""Both sandboxes against real programs and a real kernel: nothing here is mocked, nothing is slept for.

Every attack prints a marker before it attacks, and its test asks for the marker, so that a program which
never ran cannot pass for one that was held.
"""
