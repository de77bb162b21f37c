const raw = require("fs").readFileSync(0);
console.log(raw, raw.length);
console.log(JSON.stringify(raw.toString()), parseInt(raw.toString(), 10));
console.log(JSON.stringify(new TextDecoder().decode(raw)));
