import { Shape } from "./shape";

export class Square implements Shape {
  readonly kind = "square";
  constructor(private readonly side: number) {}
  area = (): number => this.side ** 2;
}
