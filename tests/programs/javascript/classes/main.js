class Animal {
  static count = 0;
  #secret = 7;
  constructor(name) {
    this.name = name;
    Animal.count++;
  }
  get secret() { return this.#secret; }
  set secret(value) { if (value > 0) this.#secret = value; }
  speak() { return "..."; }
  toString() { return `${this.constructor.name}(${this.name})`; }
  [Symbol.toPrimitive](hint) { return hint === "number" ? this.#secret : this.toString(); }
}
class Dog extends Animal {
  speak() { return "Woof" + super.speak(); }
}
const Loud = (Base) => class extends Base { speak() { return super.speak().toUpperCase(); } };
class LoudDog extends Loud(Dog) {}

const pets = [new Dog("Rex"), new LoudDog("Bit")];
console.log(pets.map((pet) => pet.speak()), `${pets[0]}`, +pets[1], Animal.count);
pets[0].secret = -1;
console.log(pets[0].secret, pets[0], pets[1] instanceof Dog, Object.keys(pets[0]));
class Range {
  constructor(from, to) { Object.assign(this, { from, to }); }
  *[Symbol.iterator]() { for (let n = this.from; n < this.to; n++) yield n; }
}
console.log([...new Range(1, 5)], Math.max(...new Range(3, 9)), Array.from(new Range(0, 3), (n) => n * n));
function Old(x) { this.x = x; }
Old.prototype.twice = function () { return this.x * 2; };
console.log(new Old(4).twice(), typeof Old, Object.getPrototypeOf(new Old(1)) === Old.prototype);
try {
  Dog("x");
} catch (error) {
  console.log(error.message);
}
