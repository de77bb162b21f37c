"""All of Headrace on one machine: a supervisor of nats-server and the four services' processes.

The services are wired as in a deployment: each is started as ``python -m services.<name>``.
"""
