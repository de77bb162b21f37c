export interface Shape {
  readonly kind: string;
  area(): number;
}
