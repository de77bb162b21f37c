const greeting: string = `two
lines é`;
console.log(JSON.stringify(greeting));
// the end