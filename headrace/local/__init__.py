"""The whole of Headrace on one machine: a supervisor over nats-server and the four services' processes.

Nothing is wired differently here: each service is started as ``python -m services.<name>``.
"""
