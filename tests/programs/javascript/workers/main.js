const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");

if (isMainThread) {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const sum = (from, to) =>
    new Promise((done, fail) => {
      const worker = new Worker(__filename, { workerData: { from, to, shared } });
      worker.once("message", done).once("error", fail);
    });
  Promise.all([sum(0, 1000), sum(1000, 2000), sum(2000, 3000)]).then((parts) => {
    console.log(parts, parts.reduce((a, b) => a + b));
    console.log("shared", Atomics.load(shared, 0));
  });
} else {
  let total = 0;
  for (let n = workerData.from; n < workerData.to; n++) {
    total += n;
    Atomics.add(workerData.shared, 0, 1);
  }
  parentPort.postMessage(total);
}
