import { EventEmitter } from "events";

const door = new EventEmitter();
door.once("open", (who: string) => console.log("opened by", who));
console.log(door.emit("open", "Ann"), door.emit("open", "Bob"));
setTimeout((): void => console.log("timeout"), 5);
let count = 0;
const timer = setInterval(() => {
  console.log("interval", ++count);
  if (count === 3) clearInterval(timer);
}, 30);
console.log("main");
