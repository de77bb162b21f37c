const { EventEmitter, once } = require("events");
const { Readable, Transform, pipeline } = require("stream");
const zlib = require("zlib");
const crypto = require("crypto");
const net = require("net");

const shout = new Transform({ transform: (piece, _, done) => done(null, String(piece).toUpperCase()) });
pipeline(Readable.from(["a\n", "b\n"]), shout, async (source) => {
  for await (const piece of source) process.stdout.write(piece);
}, async (error) => {
  console.log("piped", error ?? "well");
  const door = new EventEmitter();
  door.once("open", (who) => console.log("opened by", who));
  console.log(door.emit("open", "Ann"), door.emit("open", "Bob"));
  console.log(zlib.gunzipSync(zlib.gzipSync("again and again")).toString());
  console.log(crypto.createHash("sha256").update("abc").digest("hex").slice(0, 16), crypto.randomUUID().length);
  const server = net.createServer((socket) => socket.end("hello over a socket\n")).listen(0, "127.0.0.1");
  await once(server, "listening");
  net.connect(server.address().port, "127.0.0.1").on("data", (d) => process.stdout.write(d)).on("close", () => server.close());
});
