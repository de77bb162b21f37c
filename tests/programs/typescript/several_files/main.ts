import { Circle, Square, type Shape } from "./geometry";
import describe, { UNITS as units } from "./geometry/names";
import * as settings from "./settings";

const shapes: Shape[] = [new Circle(settings.radius), new Square(4)];
for (const shape of shapes) console.log(describe(shape));
console.log(units, Object.keys(settings));
