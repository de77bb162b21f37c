const later = <T>(ms: number, value: T): Promise<T> => new Promise((done) => setTimeout(done, ms, value));

async function load(name: string): Promise<string> {
  await later(2, null);
  if (name === "c") throw new Error("no file called " + name);
  return name.toUpperCase();
}

async function main(): Promise<never> {
  console.log(await Promise.all(["a", "b"].map(load)));
  const settled = await Promise.allSettled([load("a"), load("c")]);
  console.log(settled.map((each) => (each.status === "fulfilled" ? each.value : String(each.reason))));
  console.log(await Promise.race([later(60_000, "slow"), later(1, 42)]));
  await load("c");
  throw new Error("never");
}

main();
