import { readFileSync } from "fs";

interface Student {
  name: string;
  mark: number;
  year: number;
}

const lines: string[] = readFileSync(0, "utf8").trim().split("\n");
const students: Student[] = [];
for (const line of lines.slice(1)) {
  const [name, mark, year] = line.split(",");
  students.push({ name, mark: parseFloat(mark), year: parseInt(year) });
}
students.sort((a, b) => b.mark - a.mark || a.year - b.year || a.name.localeCompare(b.name));
students.forEach((student: Student, index: number): void => {
  const { name, mark, year } = student;
  console.log(`${String(index + 1).padStart(2)}. ${name.padEnd(8)}${mark.toFixed(2).padStart(6)} ${year}`);
});
const byKey = <T, K extends keyof T>(key: K) => (a: T, b: T): number => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0);
console.log([...students].sort(byKey("name")).map((s) => s.name));
