"""The figures that services of this kind do not publish: from a submission to its first byte and its end.

``python -m bench.published`` measures Headrace over WebSocket and over HTTP, a bare interpreter or compiler
without any sandbox, and every other service whose address is given.
"""
