// The front end of a class: runs a student's program and shows what it prints while it prints it.
//
// It talks to Headrace itself, with the token that `session` gives: HTTP for what the student asks for, Server-Sent
// Events for what happens. EventSource sends no Authorization header, so the stream is read with fetch.
"use strict";

const RETRY_MS = 1000;
const TOKEN_MS = 30 * 60 * 1000; // half of what serve.py asks for
const element = (id) => document.getElementById(id);
let known = { until: 0 };
let jobId = null;
let isWhole = true; // whether all that the program printed was shown

/** Where the api is, and a token of this student: `{ api, token }`. From serve.py, or from your platform. */
async function session() {
  if (Date.now() > known.until) {
    const answer = await fetch("session");
    known = { until: Date.now() + TOKEN_MS, ...(await answer.json()) };
  }
  return known;
}

/** One request to the api; its JSON answer. Throws an Error with the problem's own words. */
async function call(method, path, body) {
  const { api, token } = await session();
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.detail ?? found.title);
  return found;
}

/** The events of a job until it has ended, each once, over any broken connection (docs/protocol.md, clause 10). */
async function* follow(id) {
  const { links } = await call("GET", "/v1/");
  let cursor = null;
  for (;;) {
    try {
      const { api, token } = await session();
      const headers = { Authorization: `Bearer ${token}`, ...(cursor && { "Last-Event-ID": cursor }) };
      const answer = await fetch(new URL(`${links.stream}?job_id=${id}`, api), { headers });
      if (answer.status === 204) return; // its end was shown
      if (answer.ok) {
        for await (const message of messages(answer.body)) {
          cursor = message.id || cursor;
          if (message.name === "complete") return;
          yield message;
        }
      } else if (answer.status < 500 && answer.status !== 429) {
        throw new Error((await answer.json()).title);
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch tells of a broken connection by a TypeError
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** The messages of an event stream: `{ name, id, data }`, with `data` from JSON. Comments are passed over. */
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (waiting + value).split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
      if (fields.data) yield { name: fields.event, id: fields.id, data: JSON.parse(fields.data) };
    }
  }
}

/** Show one event: what the program printed, how far it is, or how it ended. */
function show({ name, data }) {
  const [, kind] = name.split(".");
  const told = data.data;
  if (name === "gap") isWhole = false;
  if (kind === "output") element("output").textContent += text(told);
  if (kind === "running") say(told.attempt > 1 ? `running, attempt ${told.attempt}` : "running");
  if (["completed", "failed", "timeout", "cancelled"].includes(kind)) {
    if (told.result && !isWhole) element("output").textContent = text(told.result.stdout) + text(told.result.stderr);
    say(ending(kind, told));
  }
}

function ending(status, { reason, result }) {
  if (status === "cancelled") return "stopped";
  if (status === "completed") return `completed in ${result.wall_ms} ms`;
  if (reason === "exit_code") return `ended with exit code ${result.exit_code}`;
  return `${status}: ${reason.replaceAll("_", " ")}`;
}

function text({ content, encoding }) {
  if (encoding === "utf-8") return content;
  return new TextDecoder().decode(Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0)));
}

function say(words) {
  element("status").textContent = words;
}

async function run() {
  isWhole = true;
  element("output").textContent = "";
  element("run").disabled = true;
  try {
    const [language, code, stdin] = ["language", "code", "input"].map((id) => element(id).value);
    ({ job_id: jobId } = await call("POST", "/v1/jobs", { language, code, stdin }));
    say("waiting for its turn");
    element("stop").disabled = false;
    for await (const event of follow(jobId)) show(event);
  } catch (error) {
    say(error.message);
  }
  element("stop").disabled = true;
  element("run").disabled = false;
}

async function stop() {
  element("stop").disabled = true;
  // A program that has just ended needs no stopping: its end is shown.
  await call("POST", `/v1/jobs/${jobId}/cancel`).catch(() => {});
}

async function start() {
  const { languages } = await call("GET", "/v1/languages");
  for (const { name } of languages) element("language").append(new Option(name, name, false, name === "python"));
  element("program").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  element("stop").addEventListener("click", stop);
  say("ready");
}

start().catch((error) => say(error.message));
