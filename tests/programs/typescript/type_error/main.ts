interface Point {
  x: number;
  y: number;
}

const point: Point = { x: 1 };
const twice = (n: number): string => n * 2;
console.log(point, twice("3"));
