#!/usr/bin/env python3
"""A guessing game. It asks, and waits for a line: any terminal, page or program can play it."""

import random

LOWEST, HIGHEST = 1, 100


def user_guesses() -> None:
    """The game thinks of a number."""
    number = random.randint(LOWEST, HIGHEST)  # noqa: S311 - a game
    tries = 0
    while True:
        answer = input(f"Your guess ({LOWEST} to {HIGHEST})? ")
        if not answer.strip().isdecimal():
            print("That is no number.")
            continue
        tries += 1
        if int(answer) == number:
            print(f"Yes, it is {number}. Tries: {tries}")
            return
        print("Higher." if int(answer) < number else "Lower.")


def game_guesses() -> None:
    """The user thinks of a number, and says after each guess where it is."""
    low, high = LOWEST, HIGHEST
    print(f"Think of a number from {LOWEST} to {HIGHEST}.")
    tries = 0
    while low <= high:
        guess = (low + high) // 2
        tries += 1
        answer = ""
        while answer not in {"yes", "higher", "lower"}:
            answer = input(f"Is it {guess} (yes, higher, lower)? ").strip().lower()
        if answer == "yes":
            print(f"Your number is {guess}. Tries: {tries}")
            return
        low, high = (guess + 1, high) if answer == "higher" else (low, guess - 1)
    print("There is no such number.")


def main() -> None:
    """One game; the end of the input ends it at any time."""
    try:
        answer = ""
        while answer not in {"yes", "no"}:
            answer = input("Do you want to guess (yes, no)? ").strip().lower()
        user_guesses() if answer == "yes" else game_guesses()
    except EOFError:
        print("\nGood bye.")


if __name__ == "__main__":
    main()
