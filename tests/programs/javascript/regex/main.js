const text = require("fs").readFileSync(0, "utf8");
console.log(text.match(/\b[\w.]+@[\w.]+\.\w+\b/g));
for (const match of text.matchAll(/(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)/g))
  console.log(match[0], match.index, { ...match.groups });
console.log("hello world again there".replace(/(\w+) (\w+)/g, "$2 $1"));
console.log("a, b;c,d".split(/[,;]\s*/), "3 apples, 12 pears".replace(/\d+/g, (n) => n * 2));
console.log(/(?<=€)\d+/.exec("cost €42")[0], /^.$/u.test("🎉"), /^.$/.test("🎉"), "aBc".replace(/b/i, "-"));
const sticky = /foo/y;
sticky.lastIndex = 3;
console.log(sticky.test("barfoo"), sticky.lastIndex);
