"""One fault of each kind, to be planted in a sound history. What follows from it is made to fit, so that
nothing else is wrong.
"""
