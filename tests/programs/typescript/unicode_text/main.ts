import { readFileSync } from "fs";

const [text, letters]: string[] = readFileSync(0, "utf8").split("\n");
console.log(text.length, [...text].length);
console.log([...text].reverse().join(""));
console.log(text.toUpperCase(), "straße".toUpperCase());
for (const letter of letters) {
  const point: number = letter.codePointAt(0)!;
  console.log("U+" + point.toString(16).toUpperCase().padStart(4, "0"));
}
const größe = { höhe: 3 };
console.log(größe.höhe, "e\u0301".normalize("NFC") === "é", /^\p{Lu}\p{Ll}+$/u.test("Écrit"));
