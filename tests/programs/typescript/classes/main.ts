abstract class Animal {
  static count = 0;
  #secret = 7;
  protected constructor(public readonly name: string, private age?: number) {
    Animal.count++;
  }
  abstract speak(): string;
  get secret(): number { return this.#secret; }
  set secret(value: number) { if (value > 0) this.#secret = value; }
  describe(): string { return `${this.constructor.name} ${this.name} ${this.age ?? "?"}: ${this.speak()}`; }
}
class Dog extends Animal {
  constructor(name: string) { super(name, 3); }
  speak(): string { return "Woof"; }
}
class Puppy extends Dog {
  override speak(): string { return super.speak().toLowerCase(); }
}
interface Named { name: string }
interface Aged extends Named { age: number }
const pets: Animal[] = [new Dog("Rex"), new Puppy("Bit")];
for (const pet of pets) console.log(pet.describe());
pets[0].secret = -1;
console.log(pets[0].secret, Animal.count, pets[1] instanceof Dog);
const person: Aged = { name: "Ann", age: 30 };
const label = ({ name }: Named): string => name;
console.log(label(person));
function overloaded(value: string): string[];
function overloaded(value: number): number;
function overloaded(value: string | number): string[] | number {
  return typeof value === "string" ? value.split("") : value * 2;
}
console.log(overloaded("abc"), overloaded(4));
namespace Tools {
  export const double = (n: number): number => n * 2;
}
console.log(Tools.double(21));
