"""Dialects: front ends of other services' APIs, one folder each; none imports another.

A folder `<name>` is found by the name of the setting. Its package exports `dialect(deps) -> Dialect`. The
modules beside the folders are what all of them stand on.
"""
