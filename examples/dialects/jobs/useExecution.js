import { useEffect, useState } from "react";

import { call, pause } from "../headrace.js";
import { useWebSocket } from "./useWebSocket.js";

const EXECUTE = "/dialects/jobs/execute";
const POLL_MS = 1000;
const ORDER = ["submitting", "pending", "running", "completed", "failed"];

/** Runs programs, one after the other.
 *
 * `job` is the newest, `{ code, status, result }`, or null; `error` says why there is none. `isRunning` is true from
 * `execute(code)` to the job's result, which comes over the socket, or by polling while there is no socket. */
export function useExecution() {
  const [job, setJob] = useState(() => JSON.parse(sessionStorage.getItem("job")));
  const [error, setError] = useState(null);
  const isRunning = job !== null && !job.result;
  const unfinished = (isRunning && job.job_id) || null;
  const isConnected = useWebSocket(unfinished, take);

  /** A message of the socket, or the answer to a poll. Sockets tell of the user's other jobs, too. */
  function take(news) {
    setJob((job) => (news.job_id === job?.job_id && isLater(news, job) ? { ...job, ...news } : job));
  }

  function fail({ message }) {
    setError(message);
    setJob(null);
  }

  // Kept over a reload. Sent again with the same key, a submission is the same job.
  useEffect(() => {
    const kept = job && { code: job.code, key: job.key, job_id: job.job_id, status: "submitting" };
    sessionStorage.setItem("job", JSON.stringify(kept));
  }, [job?.key, job?.job_id]);

  useEffect(() => {
    if (job === null || job.job_id) return;
    call("POST", EXECUTE, { code: job.code }, job.key).then((answer) => setJob({ ...job, ...answer }), fail);
  }, [job?.key]);

  useEffect(() => {
    if (unfinished === null || isConnected) return undefined;
    let isWanted = true;
    async function poll() {
      while (isWanted) {
        take(await call("GET", `${EXECUTE}/jobs/${unfinished}`));
        await pause(POLL_MS);
      }
    }
    poll().catch(fail);
    return () => {
      isWanted = false;
    };
  }, [unfinished, isConnected]);

  function execute(code) {
    setError(null);
    setJob({ code, key: crypto.randomUUID(), status: "submitting" });
  }

  return { job, error, isConnected, isRunning, execute };
}

/** A poll may be answered after a message that was sent later. */
function isLater(news, job) {
  return ORDER.indexOf(news.status) > ORDER.indexOf(job.status);
}
