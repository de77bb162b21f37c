// What the pages of this folder share: a token, requests, and a WebSocket that is opened again when it breaks.

const RETRY_MS = 1000;
const TRIES_MAX = 10;
const TOKEN_MS = 30 * 60 * 1000; // half of what serve.py asks for
let known = null;
let knownUntil = 0;

/** Where the api is, and a token of this user: `{ api, token }`. From serve.py, or from your platform. */
export function session() {
  if (Date.now() > knownUntil) {
    knownUntil = Date.now() + TOKEN_MS;
    known = fetch("/session").then((answer) => answer.json());
    known.catch(() => (knownUntil = 0));
  }
  return known;
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A request that the service refused: `message` is in its own words, `answer` all that it said. */
export class Refused extends Error {
  constructor(status, answer) {
    const { detail, title } = answer;
    super(typeof detail === "string" ? detail : (detail?.[0]?.msg ?? title));
    this.status = status;
    this.answer = answer;
  }
}

/** One request; its JSON answer. Throws Refused.
 *
 * What gets no answer, which `fetch` throws as a TypeError, or 503 is sent again: a GET until it is answered, a POST a
 * few times. A POST has a key, and so is one job however often it is sent. */
export async function call(method, path, body, key = crypto.randomUUID()) {
  for (let tries = 1; ; tries += 1) {
    try {
      const { api, token } = await session();
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
      if (method === "POST") headers["Idempotency-Key"] = key;
      const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
      const found = await answer.json();
      if (answer.ok) return found;
      throw new Refused(answer.status, found);
    } catch (error) {
      const isPassing = error instanceof TypeError || error.status === 503;
      if (!isPassing || (method === "POST" && tries === TRIES_MAX)) throw error;
    }
    await pause(RETRY_MS);
  }
}

/** A WebSocket that is opened again whenever it breaks, until `close()`. After that nothing is called any more.
 *
 * `opened` may send what must be said first on each connection, `receive` is called with each message. */
export function keepOpen(path, { opened, receive, closed, withToken = true }) {
  let isWanted = true;
  let socket = null;
  let timer = null;

  async function open() {
    const { api, token } = await session();
    if (!isWanted) return;
    socket = new WebSocket(api.replace(/^http/, "ws") + path + (withToken ? `?token=${token}` : ""));
    socket.onopen = () => (isWanted ? opened() : socket.close());
    socket.onmessage = ({ data }) => isWanted && receive(JSON.parse(data));
    socket.onclose = () => {
      if (isWanted) closed();
      openLater();
    };
  }

  function openLater() {
    if (isWanted) timer = setTimeout(() => open().catch(openLater), RETRY_MS);
  }

  const isOpen = () => socket?.readyState === WebSocket.OPEN;
  open().catch(openLater);
  return {
    /** Nothing is sent while the socket is not open. */
    send(message) {
      if (isOpen()) socket.send(JSON.stringify(message));
    },
    close() {
      isWanted = false;
      clearTimeout(timer);
      // A browser complains of a socket that is closed while it opens: that one is closed when it is open.
      if (isOpen()) socket.close();
    },
  };
}
