// Plays the guessing game: submits game.py as an interactive program, shows what it prints, and gives it lines.
//
// One WebSocket does both (docs/protocol.md). When it breaks, the page connects again, subscribes after the last event
// that it showed, and sends again what was not answered: the offset of each line makes that harmless. The id of the
// game is in sessionStorage, so a reload goes on with it.
"use strict";

const RETRY_MS = 1000;
const TOKEN_MS = 30 * 60 * 1000; // half of what serve.py asks for
const IN_VAIN = new Set([4400, 4403, 4406]); // close codes after which the same connection would be closed again
const ENDINGS = new Set(["completed", "failed", "timeout", "cancelled"]);
const element = (id) => document.getElementById(id);
let known = { until: 0 };
let game = null;

/** Where the api is, and a token of this user: `{ api, token }`. From serve.py, or from your platform. */
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

/** One game: its connection, what was shown of it, and the lines that it was not given yet. */
class Game {
  cursor = "start"; // of the last event that was shown
  attempt = 1;
  lines = []; // `{ content, end }`; the first may be on its way
  isSent = false; // whether it is
  isReady = false;
  isOver = false;
  isWhole = true; // whether all that the game printed was shown

  /** `offset` is how many bytes of input the game has been sent. */
  constructor(jobId, offset) {
    Object.assign(this, { jobId, offset });
    this.connect();
  }

  async connect() {
    try {
      const [{ links }, { api, token }] = [await call("GET", "/v1/"), await session()];
      if (this.isOver) return;
      this.socket = new WebSocket(new URL(links.websocket, api).href.replace(/^http/, "ws"), "headrace.v1");
      this.socket.onopen = () => (this.isOver ? this.socket.close() : this.say({ type: "connection_init", token }));
      this.socket.onmessage = ({ data }) => this.isOver || this.receive(JSON.parse(data));
      this.socket.onclose = ({ code, reason }) => this.closed(code, reason);
    } catch {
      this.closed(); // no answer
    }
  }

  closed(code, reason) {
    this.isReady = this.isSent = false;
    if (this.isOver) return;
    element("connection").textContent = "not connected";
    if (code === 4401) known.until = 0; // another token
    if (IN_VAIN.has(code)) refuse(reason);
    else setTimeout(() => this.isOver || this.connect(), RETRY_MS);
  }

  /** Nothing of this game is shown any more. */
  leave() {
    this.isOver = true;
    this.isReady = false;
    element("connection").textContent = "not connected";
    // A browser complains of a socket that is closed while it opens: that one is closed when it is open.
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.close();
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  subscribe() {
    this.say({ type: "subscribe", id: "game", job_id: this.jobId, after: this.cursor });
  }

  give(content, end = false) {
    this.lines.push({ content, end });
    this.sendNext();
  }

  /** One line at a time: the offset of the next is in the answer. */
  sendNext() {
    if (!this.isReady || this.isSent || this.lines.length === 0) return;
    this.isSent = true;
    this.say({ type: "input", id: "line", job_id: this.jobId, offset: this.offset, ...this.lines[0] });
  }

  receive(message) {
    if (message.type === "ping") this.say({ type: "pong" });
    if (message.type === "connection_ack") {
      element("connection").textContent = "connected";
      this.isReady = true;
      this.subscribe();
      this.sendNext();
    }
    if (message.type === "gap") this.isWhole = false;
    if (message.type === "event") this.show(message.event);
    if (message.type === "complete") this.leave();
    if (message.type === "input_stored") {
      this.offset = message.offset;
      this.lines.shift();
      this.isSent = false;
      refuse("");
      this.sendNext();
    }
    if (message.type === "error") this.refused(message);
  }

  /** What is refused for now is said again; a line that is refused for good is left out, with those behind it. */
  refused({ id, code, detail, temporary, retry_after, expected }) {
    refuse(detail);
    const again = (act) => setTimeout(() => this.isReady && act(), 1000 * (retry_after ?? 1));
    if (id === "game") {
      if (code === "bad_cursor") this.restart("start");
      if (temporary || code === "bad_cursor") again(() => this.subscribe());
    } else if (temporary) {
      again(() => {
        this.isSent = false;
        this.sendNext();
      });
    } else {
      this.lines = [];
      this.isSent = false;
      this.offset = expected ?? this.offset; // another page plays this game too
    }
  }

  restart(cursor) {
    this.cursor = cursor;
    element("output").replaceChildren();
  }

  /** What the game printed and was told, as texts: nothing that it prints becomes part of the page. */
  show({ type, cursor, data }) {
    const [, kind] = type.split(".");
    if (kind === "running") {
      // Another attempt begins at the beginning, and is given all input again.
      if (data.attempt > this.attempt) this.restart(cursor);
      this.attempt = data.attempt;
      tell("playing");
    }
    if (["output", "input"].includes(kind) && data.attempt === this.attempt) element("output").append(text(data));
    if (ENDINGS.has(kind)) {
      const { result } = data;
      if (result && !this.isWhole) element("output").replaceChildren(text(result.stdout), text(result.stderr));
      tell(ending(kind, data));
      allow(false);
    }
    this.cursor = cursor;
  }
}

function text({ content, encoding }) {
  if (encoding !== "base64") return content;
  return new TextDecoder().decode(Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0)));
}

function ending(status, { reason }) {
  if (status === "completed") return "the game is over";
  if (reason === "idle") return "the game has ended: there was no answer";
  return `${status}${reason ? `: ${reason.replaceAll("_", " ")}` : ""}`;
}

const tell = (words) => (element("status").textContent = words);
const refuse = (words) => (element("refusal").textContent = words);

/** Whether there is a game to be played. */
function allow(isPlayed) {
  for (const id of ["line", "send", "end"]) element(id).disabled = !isPlayed;
  if (isPlayed) element("line").focus();
}

function play(jobId, offset) {
  element("output").replaceChildren();
  sessionStorage.setItem("game", jobId);
  game = new Game(jobId, offset);
  allow(true);
}

async function start() {
  element("start").disabled = true;
  refuse("");
  try {
    const files = [{ name: "game.py", content: await (await fetch("game.py")).text() }];
    const { job_id: jobId } = await call("POST", "/v1/jobs", { language: "python", files, interactive: true });
    // The earlier game would wait for answers; it may have ended.
    if (game && !game.isOver) call("POST", `/v1/jobs/${game.jobId}/cancel`).catch(() => {});
    game?.leave();
    tell("waiting for its turn");
    play(jobId, 0);
  } catch (error) {
    refuse(error.message);
  }
  element("start").disabled = false;
}

/** Go on with the game of before a reload; one that has ended is given no more lines, and is shown. */
async function resume(jobId) {
  const { status } = await call("GET", `/v1/jobs/${jobId}`);
  play(jobId, ENDINGS.has(status) ? 0 : (await call("GET", `/v1/jobs/${jobId}/input`)).offset);
}

element("start").addEventListener("click", start);
element("end").addEventListener("click", () => game.give("", true));
element("answer").addEventListener("submit", (event) => {
  event.preventDefault();
  game.give(`${element("line").value}\n`);
  element("line").value = "";
});
const left = sessionStorage.getItem("game");
if (left) resume(left).catch((error) => refuse(error.message));
