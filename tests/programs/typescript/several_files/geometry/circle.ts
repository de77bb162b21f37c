import { Shape } from "./shape";

export class Circle implements Shape {
  readonly kind = "circle";
  constructor(private radius: number) {}
  area(): number {
    return Math.PI * this.radius ** 2;
  }
}
