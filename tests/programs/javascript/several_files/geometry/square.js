exports.Square = class Square {
  constructor(side) { this.side = side; }
  get area() { return this.side ** 2; }
};
