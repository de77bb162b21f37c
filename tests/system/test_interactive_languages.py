"""Each language's programs answer while they run: a running sum, a line of which is told at a time."""

import asyncio
from contextlib import aclosing

import pytest

from headrace.client.conversation import Conversation
from tests.cases import languages
from tests.system.conftest import User

pytestmark = pytest.mark.timeout(180)

NUMBERS = (4, 38, -2)
SUMS = (4, 42, 40)

PROGRAMS = {
    "python": """
total = 0
while True:
    try:
        total += int(input())
    except EOFError:
        break
    print(total, flush=True)
""",
    "javascript": """
let total = 0;
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => console.log((total += Number(line))));
""",
    "typescript": """
import * as readline from "readline";
let total: number = 0;
const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line: string) => console.log((total += Number(line))));
""",
    "bash": """
total=0
while read -r number; do
    total=$((total + number))
    echo "$total"
done
""",
    "c": """
#include <stdio.h>
int main(void) {
    long total = 0, number;
    while (scanf("%ld", &number) == 1) {
        total += number;
        printf("%ld\\n", total);
        fflush(stdout);
    }
}
""",
    "c++": """
#include <iostream>
int main() {
    long total = 0, number;
    while (std::cin >> number) std::cout << (total += number) << std::endl;
}
""",
    "java": """
import java.util.Scanner;
public class Main {
    public static void main(String[] arguments) {
        long total = 0;
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) System.out.println(total += Long.parseLong(lines.nextLine()));
    }
}
""",
    "rust": """
use std::io::{self, BufRead, Write};
fn main() {
    let mut total = 0i64;
    for line in io::stdin().lock().lines() {
        total += line.unwrap().trim().parse::<i64>().unwrap();
        println!("{}", total);
        io::stdout().flush().unwrap();
    }
}
""",
    "go": """
package main
import ("bufio"; "fmt"; "os"; "strconv")
func main() {
    total := 0
    lines := bufio.NewScanner(os.Stdin)
    for lines.Scan() {
        number, _ := strconv.Atoi(lines.Text())
        total += number
        fmt.Println(total)
    }
}
""",
    "ruby": """
total = 0
while line = STDIN.gets
  total += line.to_i
  puts total
  STDOUT.flush
end
""",
    "php": """<?php
$total = 0;
while (($line = fgets(STDIN)) !== false) {
    $total += (int) $line;
    echo $total, "\\n";
}
""",
    "perl": """
$| = 1;
my $total = 0;
while (my $line = <STDIN>) {
    $total += $line;
    print "$total\\n";
}
""",
    "lua": """
local total = 0
for line in io.lines() do
    total = total + math.tointeger(line)
    print(total)
    io.flush()
end
""",
}
SMALL = frozenset({"python", "c"})


async def answer(conversation: Conversation, told: list[str], answers: list[str]) -> None:
    """Each line is told once the answer to the one before is there."""
    printed = b""
    async with aclosing(conversation.output("stdout")) as output:
        for line, expected in zip(told, answers, strict=True):
            await conversation.send(line)
            while not printed.endswith(f"{expected}\n".encode()):
                printed += await anext(output)
        await conversation.end()
        printed += b"".join([piece async for piece in output])
    assert printed.decode() == "".join(f"{expected}\n" for expected in answers)


@pytest.mark.parametrize("name", languages(PROGRAMS, SMALL))
async def test_a_program_answers_each_line(alice: User, name: str) -> None:
    submission = {"language": name, "code": PROGRAMS[name]}
    async with asyncio.timeout(120), alice.client.interact(submission) as conversation:
        await answer(conversation, [f"{number}\n" for number in NUMBERS], [str(total) for total in SUMS])
        ended = await conversation.result()
    assert ended.status == "completed", ended


@pytest.mark.parametrize("name", languages(["sqlite"], ()))
async def test_statements_are_typed_one_by_one(alice: User, name: str) -> None:
    submission = {"language": name, "code": ".read /dev/stdin\n"}
    async with asyncio.timeout(120), alice.client.interact(submission) as conversation:
        await conversation.send("create table numbers (value integer);\n")
        statements = [
            f"insert into numbers values ({number}); select sum(value) from numbers;\n"  # noqa: S608 - our own
            for number in NUMBERS
        ]
        await answer(conversation, statements, [str(total) for total in SUMS])
        ended = await conversation.result()
    assert ended.status == "completed", ended
