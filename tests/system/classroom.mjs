// What a browser is to examples/classroom: the elements of its page, the page's own address, and CORS.
//
//   node classroom.mjs PAGE '{"code": …, "language": …, "stop_at": …, "break_after": …}'
//
// Runs the script that the page names, as it is served, types the program in, and presses Run; presses Stop once
// `stop_at` is shown; breaks the first stream of events after `break_after` bytes. Writes what was shown, as JSON.
import vm from "node:vm";

const [page, scenario] = [new URL(process.argv[2]), JSON.parse(process.argv[3])];
const { fetch } = globalThis; // as it is outside of the page
const waiting = new Set();
const shown = { status: [], output: [], streams: 0 };

function changed() {
  for (const one of waiting) if (one.isTrue()) one.resolve(waiting.delete(one));
}

function until(isTrue) {
  if (isTrue()) return Promise.resolve();
  return new Promise((resolve) => waiting.add({ isTrue, resolve }));
}

class Element {
  value = "";
  #text = "";
  #isDisabled = false;
  #listeners = {};

  constructor(id) {
    this.id = id;
  }

  get textContent() {
    return this.#text;
  }

  set textContent(text) {
    this.#text = text;
    shown[this.id]?.push(text);
    changed();
  }

  get disabled() {
    return this.#isDisabled;
  }

  set disabled(isDisabled) {
    this.#isDisabled = isDisabled;
    changed();
  }

  append(option) {
    this.options = [...(this.options ?? []), option.value];
    if (option.selected) this.value = option.value;
  }

  addEventListener(kind, listener) {
    this.#listeners[kind] = listener;
  }

  press(kind) {
    this.#listeners[kind]({ preventDefault() {} });
  }
}

const html = await (await fetch(page)).text();
const elements = Object.fromEntries([...html.matchAll(/ id="(\w+)"/g)].map(([, id]) => [id, new Element(id)]));

/** As a page has it: a foreign answer is for it only if its headers say so. */
async function fetchOfPage(target, options = {}) {
  const url = new URL(target, page);
  if (url.origin === page.origin) return fetch(url, options);
  const names = Object.keys(options.headers).map((name) => name.toLowerCase());
  const asked = { "Access-Control-Request-Method": options.method ?? "GET", "Access-Control-Request-Headers": names.join() };
  const asking = await fetch(url, { method: "OPTIONS", headers: { Origin: page.origin, ...asked } });
  const granted = (asking.headers.get("access-control-allow-headers") ?? "").toLowerCase();
  const isGranted = names.every((name) => granted.includes(name));
  const answer = await fetch(url, { ...options, headers: { ...options.headers, Origin: page.origin } });
  const origins = [asking, answer].map(({ headers }) => headers.get("access-control-allow-origin"));
  if (!asking.ok || !isGranted || origins.some((origin) => origin !== page.origin)) throw new TypeError("Failed to fetch");
  return answer.headers.get("content-type")?.startsWith("text/event-stream") ? broken(answer) : answer;
}

function broken(answer) {
  let left = shown.streams++ === 0 && scenario.break_after ? scenario.break_after : Infinity;
  const cut = new TransformStream({
    transform(piece, controller) {
      left -= piece.byteLength;
      if (left > 0) controller.enqueue(piece);
      else controller.error(new TypeError("network error"));
    },
  });
  return new Response(answer.body.pipeThrough(cut), { status: answer.status, headers: answer.headers });
}

class Option {
  constructor(text, value, _, selected) {
    Object.assign(this, { text, value, selected });
  }
}

const browser = { document: { getElementById: (id) => elements[id] }, fetch: fetchOfPage, Option };
const script = new URL(html.match(/<script src="([^"]+)"/)[1], page);
Object.assign(globalThis, browser);
vm.runInThisContext(await (await fetch(script)).text(), script.href);

const { status, output, run, stop, program } = elements;
await until(() => status.textContent !== "");
if (status.textContent === "ready") {
  for (const id of ["language", "code", "input"]) elements[id].value = scenario[id] ?? elements[id].value;
  program.press("submit");
  if (scenario.stop_at) {
    await until(() => output.textContent.includes(scenario.stop_at) && !stop.disabled);
    stop.press("click");
  }
  await until(() => !run.disabled);
}
console.log(JSON.stringify({ ...shown, languages: elements.language.options }));
