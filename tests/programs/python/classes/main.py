from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from functools import total_ordering


class Suit(Enum):
    HEARTS = "♥"
    SPADES = "♠"


@total_ordering
@dataclass(frozen=True, eq=True)
class Card:
    rank: int
    suit: Suit = Suit.HEARTS

    def __lt__(self, other):
        return self.rank < other.rank


class Animal(ABC):
    count = 0

    def __init__(self, name):
        self.name = name
        Animal.count += 1

    @abstractmethod
    def speak(self): ...

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"


class Dog(Animal):
    def speak(self):
        return "Woof"


class Puppy(Dog):
    def speak(self):
        return super().speak().lower()


@dataclass
class Basket:
    owner: str
    items: list = field(default_factory=list)


cards = [Card(7), Card(3, Suit.SPADES), Card(11)]
print(max(cards), min(cards).suit.value, Card(7) >= cards[0])
pets = [Dog("Rex"), Puppy("Bit")]
print(pets, [pet.speak() for pet in pets], Animal.count)
print(Basket("Ann"), Basket("Ann") == Basket("Ann"), Puppy.__mro__[1].__name__)
try:
    Animal("x")
except TypeError as error:
    print(str(error)[:41])
