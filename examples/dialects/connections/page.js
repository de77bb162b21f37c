// The page of two dialects, without a framework: `?connections` and `?progress`.
import * as connections from "./connections.js";
import * as progress from "./progress.js";

const element = (id) => document.getElementById(id);
const name = location.search === "?progress" ? "progress" : "connections";
const dialect = { connections, progress }[name];
// What this tab runs, kept over a reload. Sent again with the same key, a submission is the same job.
let run = JSON.parse(sessionStorage.getItem(name));

function keep() {
  sessionStorage.setItem(name, JSON.stringify(run));
}

/** Show a state; what it does not have is empty, and its status stays. */
function show(state) {
  for (const id of ["stdout", "stderr", "error"]) element(id).textContent = state[id] ?? "";
  if (state.status) element("status").textContent = state.status;
}

async function follow() {
  element("run").disabled = true;
  element("stop").disabled = false;
  show({ status: "submitting" });
  try {
    await dialect.follow(run, { show, keep });
  } catch ({ message }) {
    show({ status: "no result", error: message });
  }
  element("run").disabled = false;
  element("stop").disabled = true;
}

element("dialect").textContent = name;
element("stop").hidden = !dialect.stop;
element("stop").addEventListener("click", () => dialect.stop());
element("program").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = element("code").value;
  run = { code, key: crypto.randomUUID(), ...dialect.submission(code) };
  keep();
  follow();
});

dialect.start((isConnected) => {
  element("connection").textContent = isConnected ? "connected" : "not connected";
});
if (run !== null) {
  element("code").value = run.code;
  follow();
}
