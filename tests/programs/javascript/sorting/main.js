const [count, ...rows] = require("fs").readFileSync(0, "utf8").trim().split("\n");
const students = rows.slice(0, +count).map((row) => {
  const [name, mark, year] = row.split(",");
  return { name, mark: parseFloat(mark), year: parseInt(year, 10) };
});
students.sort((a, b) => b.mark - a.mark || a.year - b.year || a.name.localeCompare(b.name));
students.forEach(({ name, mark, year }, i) =>
  console.log(`${String(i + 1).padStart(2)}. ${name.padEnd(8)}${mark.toFixed(2).padStart(6)} ${year}`));
console.log([10, 9, 1, 100].sort(), [10, 9, 1, 100].sort((a, b) => a - b));
console.log(["z", "ä", "a", "Z"].sort(), ["z", "ä", "a", "Z"].sort(new Intl.Collator("de").compare));
