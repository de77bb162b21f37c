// A page of the dialect `jobs`: an editor, and what became of the program in it.
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

import { useExecution } from "./useExecution.js";

function Page() {
  const { job, error, isConnected, isRunning, execute } = useExecution();
  const [code, setCode] = useState(job?.code ?? 'print("Hello")\n');

  function run(event) {
    event.preventDefault();
    execute(code);
  }

  return (
    <>
      <h1>React and the dialect jobs</h1>
      <form onSubmit={run}>
        <label>
          Program
          <textarea id="code" rows="12" spellCheck="false" value={code} onChange={(event) => setCode(event.target.value)} />
        </label>
        <button id="run" disabled={isRunning}>Run</button>
        {isRunning && <span id="connection">{isConnected ? "connected" : "polling"}</span>}
      </form>
      <p id="status" role="status">{statusOf(job)}</p>
      <p id="error" role="alert">{error ?? job?.result?.error}</p>
      <pre id="stdout">{job?.result?.stdout}</pre>
      <pre id="stderr">{job?.result?.stderr}</pre>
    </>
  );
}

function statusOf(job) {
  if (job === null) return "ready";
  return job.result ? `${job.status} in ${job.result.execution_time_ms} ms` : job.status;
}

createRoot(document.getElementById("root")).render(<StrictMode><Page /></StrictMode>);
