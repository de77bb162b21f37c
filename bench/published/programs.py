"""What is run, in each language: the shortest program that prints, and one that reads and prints more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["python", "javascript", "c++", "java"]
LANGUAGES: tuple[Language, ...] = ("python", "javascript", "c++", "java")


@dataclass(frozen=True, slots=True)
class Program:
    """One file, and what it reads."""

    language: Language
    name: str
    code: str
    stdin: str = ""

    def renamed(self, mark: str) -> "Program":
        """The same program as a new text, which no cache has."""
        comment = "#" if self.language == "python" else "//"
        return Program(self.language, self.name, f"{self.code}\n{comment} {mark}\n", self.stdin)


FILES: Mapping[Language, str] = {
    "python": "main.py",
    "javascript": "main.js",
    "c++": "main.cpp",
    "java": "Main.java",
}

_NUMBERS = " ".join(str(number) for number in range(200))

PRINTS: Mapping[Language, Program] = {
    "python": Program("python", "prints", "print(1)"),
    "javascript": Program("javascript", "prints", "console.log(1)"),
    "c++": Program("c++", "prints", '#include <cstdio>\nint main() { puts("1"); }'),
    "java": Program(
        "java", "prints", "class Main { public static void main(String[] args) { System.out.println(1); } }"
    ),
}

READS: Mapping[Language, Program] = {
    "python": Program(
        "python",
        "reads",
        "import json, re, sys\n"
        "numbers = [int(found) for found in re.findall(r'[0-9]+', sys.stdin.read())]\n"
        "print(json.dumps([number * number for number in numbers]))",
        _NUMBERS,
    ),
    "javascript": Program(
        "javascript",
        "reads",
        "const text = require('fs').readFileSync(0, 'utf8');\n"
        "console.log(JSON.stringify(text.match(/[0-9]+/g).map((found) => found * found)));",
        _NUMBERS,
    ),
    "c++": Program(
        "c++",
        "reads",
        "#include <iostream>\n#include <vector>\nint main() {\n"
        "  std::vector<long> numbers;\n  for (long number; std::cin >> number;) numbers.push_back(number);\n"
        '  for (long number : numbers) std::cout << number * number << ", ";\n  std::cout << std::endl;\n}',
        _NUMBERS,
    ),
    "java": Program(
        "java",
        "reads",
        "import java.util.*;\nclass Main {\n  public static void main(String[] args) {\n"
        "    Scanner text = new Scanner(System.in);\n    List<Long> squares = new ArrayList<>();\n"
        "    while (text.hasNextLong()) { long number = text.nextLong(); squares.add(number * number); }\n"
        "    System.out.println(squares);\n  }\n}",
        _NUMBERS,
    ),
}
