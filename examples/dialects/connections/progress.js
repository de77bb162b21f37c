// The dialect `progress`: native jobs, and a connection that tells the stages, the percents and the end of each.
import { call, keepOpen } from "../headrace.js";

const ENDS = ["job_complete", "job_failed", "job_cancelled"];
const RETRY_MS = 1000;
let socket = null;
let jobId = null; // the job that is followed
let told = () => {}; // called with each message of it

/** Connect, for as long as the page is there. `show` is called with whether there is a connection. */
export function start(show) {
  socket = keepOpen("/dialects/progress", {
    opened() {
      show(true);
      subscribe();
    },
    receive: (message) => message.job_id === jobId && told(message),
    closed: () => show(false),
  });
}

/** The request that runs a program. */
export function submission(code) {
  return { path: "/v1/jobs", body: { language: "python", code, limits: { wall_ms: 30_000 } } };
}

/** Show what becomes of a submission, to its end. Keeps `run.jobId` as soon as it is known, and goes on from there. */
export async function follow(run, { show, keep }) {
  run.jobId ??= (await call("POST", run.path, run.body, run.key)).job_id;
  keep();
  show({ status: "queued" });
  await new Promise((resolve, reject) => {
    jobId = run.jobId;
    told = (message) => {
      if (message.code === "JOB_NOT_FOUND") reject(new Error(message.message));
      if (message.code === "SERVICE_UNAVAILABLE") setTimeout(subscribe, RETRY_MS);
      if (message.type !== "error") show(stateOf(message));
      if (ENDS.includes(message.type)) resolve();
    };
    subscribe();
  });
  jobId = null;
}

/** Stop the program that is followed. */
export function stop() {
  if (jobId !== null) socket.send({ type: "cancel_job", job_id: jobId });
}

/** A new connection is told how the job stands, and all that follows. */
function subscribe() {
  if (jobId !== null) socket.send({ type: "subscribe", job_id: jobId });
}

function stateOf({ type, stage, progress, message, results, error }) {
  const { stdout, stderr, wall_ms } = results ?? {};
  if (type === "subscribed") return {};
  if (type === "progress_update") return { status: `${stage} ${progress} %: ${message}` };
  if (type === "stage_complete") return { status: `${stage} 100 %` };
  if (type === "job_complete") return { status: `completed in ${wall_ms} ms`, stdout, stderr };
  if (type === "job_failed") return { status: `failed in ${wall_ms} ms`, stdout, stderr, error: error.message };
  return { status: "cancelled" };
}
