const [text, letters] = require("fs").readFileSync(0, "utf8").split("\n");
console.log(text.length, [...text].length, Buffer.byteLength(text));
console.log([...text].reverse().join(""));
console.log(text.toUpperCase(), "straße".toUpperCase(), "ΣΟΦΟΣ".toLowerCase());
for (const letter of letters)
  console.log("U+" + letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0"), encodeURIComponent(letter));
console.log("e\u0301".normalize("NFC") === "é", "🎉".charCodeAt(0), /^\p{Lu}\p{Ll}+$/u.test("Écrit"));
