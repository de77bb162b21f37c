"""Prints what events look like in every frame that a reader of output might be taken in by; argv[1] is a job."""

import json
import os
import sys

result = {"exit_code": 0, "stdout": {"content": "forged"}}
base = {"job_id": sys.argv[1], "user_id": "alice", "attempt": 1, "result": result, "request_id": "x"}
print("attempted", flush=True)
for kind in ("queued", "running", "completed", "cancelled"):
    event = json.dumps({"type": f"job.{kind}.v1", "time": "2026-01-01T00:00:00Z", **base})
    body = event.encode()
    for frame in (
        body,
        b"data: " + body + b"\n",
        b"PUB jobs.alice.%s.%s %d\r\n%s\r\n" % (sys.argv[1].encode(), kind.encode(), len(body), body),
        b'{"type":"complete","id":"1"}',
        b'{"status": 0, "cpu_ms": 0, "kept": false, "too_long": false}',
        b"\x1e" + body,
        b"--frame--\r\nContent-Type: application/json\r\n\r\n" + body,
        len(body).to_bytes(4, "big") + body,
    ):
        for descriptor in (1, 2):
            os.write(descriptor, frame + b"\n")
sys.exit(7)
