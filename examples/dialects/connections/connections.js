// The dialect `connections`: a result comes over the connection that its submission names, once, and can be read later.
import { call, keepOpen, pause } from "../headrace.js";

const PREFIX = "/dialects/connections";
const POLL_MS = 1000;
const results = new Map(); // what the connection told, by job
let connectionId = null; // null while there is no connection
let wake = () => {}; // called when one of the two has changed

/** Connect, for as long as the page is there. `show` is called with whether there is a connection. */
export function start(show) {
  const socket = keepOpen(PREFIX, {
    withToken: false,
    opened: () => socket.send({ action: "ping" }),
    receive(message) {
      if (message.type === "pong") become(message.connection_id);
      if (message.type === "execution_result") results.set(message.job_id, message);
      wake();
    },
    closed: () => become(null),
  });

  function become(id) {
    connectionId = id;
    show(id !== null);
    wake();
  }
}

/** The request that runs a program. Without a connection its answer is the result. */
export function submission(code) {
  if (connectionId === null) return { path: `${PREFIX}/execute`, body: { code } };
  return { path: `${PREFIX}/execute/async`, body: { code, connection_id: connectionId } };
}

/** Show what becomes of a submission, to its end. Keeps `run.jobId` as soon as it is known, and goes on from there. */
export async function follow(run, { show, keep }) {
  let result = null;
  if (!run.jobId) {
    const answer = await submit(run);
    run.jobId = answer.job_id;
    keep();
    if ("success" in answer) result = answer;
  }
  if (result === null) show({ status: "queued" });
  result ??= (await receive(run)) ?? (await poll(run.jobId, show));
  const { success, execution_time_ms, stdout, stderr, error } = result;
  show({ status: `${success ? "completed" : "failed"} in ${execution_time_ms} ms`, stdout, stderr, error });
}

/** The answer to a submission. A program that is waited for in vain goes on, and has an id too. */
async function submit({ path, body, key }) {
  try {
    return await call("POST", path, body, key);
  } catch (error) {
    if (!error.answer?.job_id) throw error;
    return error.answer;
  }
}

/** The result that the connection tells; null if it has closed, as no later one tells it. */
async function receive({ jobId, body }) {
  while (connectionId !== null && connectionId === body.connection_id && !results.has(jobId)) {
    await new Promise((resolve) => (wake = resolve));
  }
  return results.get(jobId) ?? null;
}

/** The result that is read. */
async function poll(jobId, show) {
  for (;;) {
    const { status, result } = await call("GET", `${PREFIX}/execute/jobs/${jobId}`);
    if (result !== null) return result;
    show({ status });
    await pause(POLL_MS);
  }
}
