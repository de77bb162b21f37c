"""Sockets of dialects: one folder each; none imports another.

A folder `<name>` is found by the name of the setting. Its package exports `transport(registry) -> Transport`.
The modules beside the folders are what all of them stand on: they differ in messages only.
"""
