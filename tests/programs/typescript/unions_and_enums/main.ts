type Shape =
  | { kind: "circle"; radius: number }
  | { kind: "rectangle"; width: number; height: number };

function area(shape: Shape): number {
  switch (shape.kind) {
    case "circle":
      return Math.PI * shape.radius ** 2;
    case "rectangle":
      return shape.width * shape.height;
    default: {
      const never: never = shape;
      throw new Error(never);
    }
  }
}

enum Level { Low = 1, Middle, High = 10 }
enum Colour { Red = "red", Blue = "blue" }
const enum Hidden { A = 5 }

console.log(area({ kind: "circle", radius: 1 }).toFixed(4), area({ kind: "rectangle", width: 2, height: 3 }));
console.log(Level.Middle, Level[10], Object.keys(Level).length, Colour.Blue, Object.values(Colour), Hidden.A);
function isString(value: unknown): value is string {
  return typeof value === "string";
}
const mixed: (string | number | null)[] = ["a", 1, null, "b"];
console.log(mixed.filter(isString).map((s) => s.toUpperCase()), mixed.map((m) => m ?? "nothing"));
const config = { port: 80, host: "local" } as const;
type Key = keyof typeof config;
const keys: Key[] = ["port", "host"];
console.log(keys.map((key) => config[key]));
