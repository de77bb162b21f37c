"""The executor: takes queued jobs, runs their programs in single-use cells, and records what became of them.

Consumes the durable `executor` and follows JOBS to know every lane. Publishes `job.running` and the
terminal events to JOBS, output to FEED, its heartbeat to KV EXECUTORS, programs' files to ARTIFACTS. When it
dies, its deliveries come to another executor after the acknowledgement wait, and attempt numbers fence off
what it did not finish.
"""
