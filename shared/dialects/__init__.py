"""What both halves of a dialect agree on: names, addresses, labels, and how the end of a job is worded.

A dialect is the front end of another service's interface: HTTP at the api, a WebSocket at the notifier. A
module of one dialect's name holds what its two halves share.
"""
