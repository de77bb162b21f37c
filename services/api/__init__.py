"""The api: accepts programs over HTTP, checks them, and answers queries about jobs.

It publishes `job.queued`, `job.cancel_requested` and, for queued jobs, `job.cancelled`. It requests views
from the projector, and reads single jobs from the log and their files from ARTIFACTS. It follows the log's
subjects to count unfinished jobs and to see them end. It owns no data: if it crashes after an append and
before the response, the job runs all the same.
"""
