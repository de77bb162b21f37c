import { readFileSync } from "fs";

interface Student { name: string; marks: number[] }
interface Summary extends Omit<Student, "marks"> { total: number }

const students: Student[] = JSON.parse(readFileSync(0, "utf8"));
const summaries: Summary[] = students.map(({ name, marks }) => ({ name, total: marks.reduce((a, b) => a + b, 0) }));
console.log(JSON.stringify(summaries), summaries);
console.log(JSON.stringify({ a: [1, 2.5, null, undefined], "é": '\n"\\' }, null, 2));
try {
  JSON.parse("{'single': 1}");
} catch (error) {
  console.log((error as Error).name);
}
