const { Circle, Square } = require("./geometry");
const describe = require("./geometry/names.js");
const settings = require("./settings.json");
const path = require("path");
const fs = require("fs");

for (const shape of [new Circle(settings.radius), new Square(4)]) console.log(describe(shape));
console.log(fs.readFileSync(path.join(__dirname, "notes", "readme.txt"), "utf8").trim());
console.log(require("./settings.json") === settings);
