const later = (ms, value) => new Promise((done) => setTimeout(done, ms, value));

async function load(name) {
  await later(2);
  if (name === "c") throw new Error("no file called " + name);
  return name.toUpperCase();
}

async function main() {
  console.log(await Promise.all(["a", "b"].map(load)));
  const settled = await Promise.allSettled([load("a"), load("c")]);
  console.log(settled.map((each) => each.status));
  console.log(await Promise.race([later(60_000, "slow"), later(1, "fast")]));
  console.log(await Promise.any([load("c"), load("b")]));
  await load("c");
  console.log("never");
}

main();
