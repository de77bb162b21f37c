const { isMainThread, Worker } = require("worker_threads");
const down = (n) => down(n + 1) + 1;
if (isMainThread) {
    new Worker(__filename);
} else {
    try {
        down(0);
    } catch (error) {
        if (error instanceof RangeError) console.log("well");
    }
}
