"""One script per line of the performance budget; each runs both sides in one run and ends in RATIO lines.

Ratios are ours divided by the reference. A benchmark is never a test: nothing fails by being slow.
"""
