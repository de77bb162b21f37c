"""The api: takes programs over HTTP, decides on them, and answers questions about jobs.

Publishes `job.queued`, `job.cancel_requested` and, for jobs that have not begun, `job.cancelled`. Asks the
projector for views and reads single jobs from the log, and their files from ARTIFACTS. Follows the log's
subjects to count unfinished jobs and to see their ends. Owns nothing. When it
dies after an append and before the answer, the job runs all the same.
"""
