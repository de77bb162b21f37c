import type { Shape } from "./shape";

export const UNITS = "square metres";
export default function describe(shape: Shape): string {
  return `${shape.kind.padStart(8)}: ${shape.area().toFixed(2)}`;
}
