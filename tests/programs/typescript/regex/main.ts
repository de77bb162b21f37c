const text: string = "Write to ann@example.org or bob.b@mail.example.com before 2024-02-29, not after 2024-03-01.";
console.log(text.match(/\b[\w.]+@[\w.]+\.\w+\b/g));
for (const match of text.matchAll(/(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)/g)) {
  const { year, month, day } = match.groups as { year: string; month: string; day: string };
  console.log(match[0], match.index, +year, +month, +day);
}
console.log("hello world".replace(/(\w+) (\w+)/g, "$2 $1"), "a, b;c".split(/[,;]\s*/));
console.log("3 apples".replace(/\d+/g, (n) => String(Number(n) * 2)), "a-b-c".replaceAll("-", "+"));
