"""The log over several streams, as docs/scaling.md designs it: a prototype, and what it gains. Not a product.

``python -m bench.sharded``: one stream and four take turns. `protocol` runs submitters, executors and rivals
as processes over the product's own append, follower, pull loop and lanes; `appends` is the rate that the
server takes. `checker` judges every event that either of them has stored.
"""
