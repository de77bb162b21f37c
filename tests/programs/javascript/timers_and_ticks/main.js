setTimeout(() => console.log("timeout 5"), 5);
setTimeout(() => console.log("timeout 20"), 20);
process.nextTick(() => console.log("tick"));
Promise.resolve().then(() => console.log("microtask"));
queueMicrotask(() => console.log("microtask 2"));
let count = 0;
const timer = setInterval(() => {
  console.log("interval", ++count);
  if (count === 3) clearInterval(timer);
}, 60);
process.on("exit", (code) => console.log("exit", code));
process.on("beforeExit", () => { if (process.exitCode === undefined) process.exitCode = 0; });
console.log("main");
