const records = JSON.parse(require("fs").readFileSync(0));
for (const record of records) {
  record.total = record.marks.reduce((a, b) => a + b, 0);
  delete record.marks;
}
console.log(JSON.stringify(records));
console.log(JSON.stringify({ a: [1, 2.5, null, undefined, () => 1], d: undefined, "é": '\n"\\' }, null, 2));
console.log(JSON.parse('{"big": 12345678901234567890, "e": "\\ud83c\\udf89"}'));
console.log(JSON.stringify({ b: 1, a: { b: 2 } }, (key, value) => (key === "b" ? undefined : value)));
console.log(records, { deep: { deeper: { deepest: { hidden: 1 } } } });
try {
  JSON.parse("{'single': 1}");
} catch (error) {
  console.log(error.name);
}
