"""Programs in every language of the catalogue: they end well, fail, do not compile, or have several files."""

from dataclasses import dataclass

from services.executor.attempts.compiler_tools import Tools
from services.executor.languages.catalogue import Language, load_languages
from services.executor.languages.plan import Plan
from services.executor.languages.stages import Program
from services.executor.sandbox.interface import CellFile, GivenStdin, Sandbox
from tests.integration.sandbox.cells import Ran, run

LANGUAGES = load_languages()
"""The catalogue."""


def program(language: Language, source: str, *more: CellFile) -> Program:
    """A submission with arguments, a variable and input."""
    return Program(
        files=(CellFile(language.entrypoint, source.encode()), *more),
        entrypoint=language.entrypoint,
        limits=language.default_limits,
        args=("a b", "$(id)"),
        env=(("GREETING", "hello"),),
        stdin=GivenStdin(b"given\n"),
    )


_MADE: dict[str, tuple[CellFile, ...]] = {}


async def tools_of(sandbox: Sandbox, language: Language) -> tuple[CellFile, ...]:
    """What the language's compile stage needs of ours, made once for all tests of this process."""
    if language.name not in _MADE:
        _MADE[language.name] = await Tools(sandbox).of(language)
    return _MADE[language.name]


async def execute(sandbox: Sandbox, language: Language, submitted: Program) -> Ran:
    """Compile if need be, and run; a failed compilation is returned as it is."""
    plan = Plan(language, submitted, await tools_of(sandbox, language))
    *compilers, last = range(len(plan.names))
    product = None
    for position in compilers:
        compiled = await run(sandbox, plan.stage(position, product))
        if compiled.verdict.exit_code != 0 or compiled.verdict.stopped_by is not None:
            return compiled
        product = compiled.verdict.kept
    return await run(sandbox, plan.stage(last, product))


@dataclass(frozen=True, slots=True)
class Failure:
    """A program that fails, with what exit code, and a part of what it says on stderr."""

    source: str
    exit_code: int
    words: str


@dataclass(frozen=True, slots=True)
class Several:
    """A program of several files, and what it prints."""

    source: str
    files: dict[str, str]
    printed: str


@dataclass(frozen=True, slots=True)
class Example:
    """The programs of one language. `echo` prints what it is given; `wrong` is what a compiler refuses."""

    echo: str
    echoed: str
    fails: Failure
    several: Several
    wrong: Failure | None = None


EXAMPLES = {
    "python": Example(
        echo="import os, sys\nprint(sys.argv[1:], os.environ['GREETING'], input())",
        echoed="['a b', '$(id)'] hello given\n",
        fails=Failure("raise ValueError('so it goes')", 1, "so it goes"),
        several=Several("import other", {"other.py": "print('found')"}, "found\n"),
    ),
    "javascript": Example(
        echo=(
            "const line = require('fs').readFileSync(0, 'utf8').trim()\n"
            "console.log(JSON.stringify(process.argv.slice(2)), process.env.GREETING, line)"
        ),
        echoed='["a b","$(id)"] hello given\n',
        fails=Failure("throw new Error('so it goes')", 1, "so it goes"),
        several=Several(
            "console.log(require('./lib/sum').sum(2, 3))",
            {"lib/sum.js": "exports.sum = (a, b) => a + b"},
            "5\n",
        ),
    ),
    "typescript": Example(
        echo=(
            "import { readFileSync } from 'node:fs'\n"
            "const line: string = readFileSync(0, 'utf8').trim()\n"
            "console.log(JSON.stringify(process.argv.slice(2)), process.env.GREETING, line)"
        ),
        echoed='["a b","$(id)"] hello given\n',
        fails=Failure("throw new Error('so it goes')", 1, "so it goes"),
        wrong=Failure("const count: number = 'many'", 2, "'string' is not assignable to type 'number'"),
        # Two modules that need each other, one that is imported late, and an await at the top.
        several=Several(
            "import { sum } from './lib/sum'\nexport const two = 2\n"
            "const late = await import('./lib/late')\nconsole.log(sum(3), late.name)",
            {
                "lib/sum.ts": "import { two } from '../main'\nexport const sum = (a: number) => a + two",
                "lib/late.ts": "export const name: string = 'late'",
                "package.json": '{"type": "module"}',
            },
            "5 late\n",
        ),
    ),
    "bash": Example(
        echo='read -r line; printf "%s|" "$@"; echo " $GREETING $line"',
        echoed="a b|$(id)| hello given\n",
        fails=Failure("echo so it goes >&2; exit 3", 3, "so it goes"),
        several=Several('. "./lib/sum.sh"; sum 2 3', {"lib/sum.sh": "sum() { echo $(($1 + $2)); }"}, "5\n"),
    ),
    "c": Example(
        echo=(
            "#include <stdio.h>\n#include <stdlib.h>\n"
            'int main(int n, char **a) { char line[99]; scanf("%98s", line);\n'
            '  printf("%d %s %s %s\\n", n, a[1], getenv("GREETING"), line); return 0; }'
        ),
        echoed="3 a b hello given\n",
        fails=Failure(
            '#include <stdio.h>\nint main(void) { fputs("so it goes", stderr); return 3; }', 3, "so it goes"
        ),
        wrong=Failure("int main(void) { return x; }", 1, "undeclared"),
        several=Several(
            '#include <stdio.h>\n#include "sum.h"\nint main(void) { printf("%d\\n", sum(2, 3)); }',
            {"sum.h": "int sum(int, int);", "lib/sum.c": "int sum(int a, int b) { return a + b; }"},
            "5\n",
        ),
    ),
    "c++": Example(
        echo=(
            "#include <cstdlib>\n#include <iostream>\n#include <string>\n"
            "int main(int n, char **a) { std::string line; std::getline(std::cin, line);\n"
            '  std::cout << n << " " << a[1] << " " << std::getenv("GREETING") << " " << line << "\\n"; }'
        ),
        echoed="3 a b hello given\n",
        fails=Failure(
            '#include <iostream>\nint main() { std::cerr << "so it goes"; return 3; }', 3, "so it goes"
        ),
        wrong=Failure("int main() { return nothing; }", 1, "was not declared in this scope"),
        several=Several(
            '#include <iostream>\n#include "sum.hpp"\n'
            'int product(int, int);\nint main() { std::cout << sum(2, 3) << product(2, 3) << "\\n"; }',
            {
                "sum.hpp": "int sum(int, int);",
                "lib/sum.cpp": "int sum(int a, int b) { return a + b; }",
                "lib/product.cc": "int product(int a, int b) { return a * b; }",
            },
            "56\n",
        ),
    ),
    "java": Example(
        echo=(
            "import java.util.*;\npublic class Main { public static void main(String[] args) {\n"
            "  String line = new Scanner(System.in).nextLine();\n"
            '  System.out.println(Arrays.toString(args) + " " + System.getenv("GREETING") + " " + line); } }'
        ),
        echoed="[a b, $(id)] hello given\n",
        fails=Failure(
            'class Main { public static void main(String[] a) { throw new Error("so it goes"); } }',
            1,
            "so it goes",
        ),
        wrong=Failure("class Main { int x = nothing; }", 1, "cannot find symbol"),
        # A package that the folders do not show, a class of another name than its file, one beside it.
        several=Several(
            "package odd;\nclass Started { public static void main(String[] args) {\n"
            "  System.out.println(new lib.Sum().of(2, 3)); } }",
            {"lib/Sum.java": "package lib; public class Sum { public int of(int a, int b) { return a+b; } }"},
            "5\n",
        ),
    ),
    "rust": Example(
        echo=(
            "use std::{env, io};\nfn main() {\n"
            "    let mut line = String::new();\n    io::stdin().read_line(&mut line).unwrap();\n"
            "    let args: Vec<String> = env::args().skip(1).collect();\n"
            '    println!("{:?} {} {}", args, env::var("GREETING").unwrap(), line.trim());\n}'
        ),
        echoed='["a b", "$(id)"] hello given\n',
        fails=Failure('fn main() { panic!("so it goes"); }', 101, "so it goes"),
        wrong=Failure("fn main() { let s = String::new(); drop(s); drop(s); }", 1, "use of moved value: `s`"),
        several=Several(
            'mod sum;\nfn main() { println!("{}", sum::sum(2, 3)); }',
            {"sum.rs": "pub fn sum(a: i32, b: i32) -> i32 { a + b }"},
            "5\n",
        ),
    ),
    "go": Example(
        echo=(
            'package main\nimport ("bufio"; "fmt"; "os")\nfunc main() {\n'
            "    line, _ := bufio.NewReader(os.Stdin).ReadString('\\n')\n"
            '    fmt.Printf("%q %s %s", os.Args[1:], os.Getenv("GREETING"), line)\n}'
        ),
        echoed='["a b" "$(id)"] hello given\n',
        fails=Failure('package main\nfunc main() { panic("so it goes") }', 2, "so it goes"),
        wrong=Failure("package main\nfunc main() { nothing() }", 2, "undefined: nothing"),
        several=Several(
            'package main\nimport ("fmt"; "program/lib")\nfunc main() { fmt.Println(lib.Sum(2, three)) }',
            {
                "three.go": "package main\nconst three = 3",
                "lib/sum.go": "package lib\nfunc Sum[T int | string](a, b T) T { return a + b }",
            },
            "5\n",
        ),
    ),
    "ruby": Example(
        echo='puts "#{ARGV} #{ENV["GREETING"]} #{STDIN.gets}"',
        echoed='["a b", "$(id)"] hello given\n',
        fails=Failure("raise 'so it goes'", 1, "so it goes"),
        several=Several(
            "require_relative 'lib/sum'\nputs sum(2, 3)", {"lib/sum.rb": "def sum(a, b) = a + b"}, "5\n"
        ),
    ),
    "php": Example(
        echo=(
            '<?php echo json_encode(array_slice($argv, 1)), " ", getenv("GREETING"), " ", fgets(STDIN);\n'
            'if (!ctype_digit("1") || iconv_strlen("ü") != 1) exit(9);'
        ),
        echoed='["a b","$(id)"] hello given\n',
        fails=Failure('<?php throw new Exception("so it goes");', 255, "so it goes"),
        several=Several(
            '<?php require "lib/sum.php"; echo sum(2, 3), "\\n";',
            {"lib/sum.php": "<?php function sum($a, $b) { return $a + $b; }"},
            "5\n",
        ),
    ),
    "perl": Example(
        echo='my $line = <STDIN>; print join("|", @ARGV), " $ENV{GREETING} $line";',
        echoed="a b|$(id) hello given\n",
        fails=Failure('print STDERR "so it goes"; exit 3;', 3, "so it goes"),
        several=Several(
            'use Lib::Sum; print Lib::Sum::sum(2, 3), "\\n";',
            {"Lib/Sum.pm": "package Lib::Sum; sub sum { $_[0] + $_[1] } 1;"},
            "5\n",
        ),
    ),
    "lua": Example(
        echo="print(arg[1], arg[2], os.getenv('GREETING'), io.read())",
        echoed="a b\t$(id)\thello\tgiven\n",
        fails=Failure("error('so it goes')", 1, "so it goes"),
        several=Several(
            "print(require('lib.sum')(2, 3))",
            {"lib/sum.lua": "return function(a, b) return a + b end"},
            "5\n",
        ),
    ),
    # SQL knows neither arguments nor variables.
    "sqlite": Example(
        echo="create table line(word);\n.import /dev/stdin line\nselect word, 6 * 7 from line;",
        echoed="given|42\n",
        fails=Failure("select 1;\nselect * from nowhere;\nselect 2;", 1, "no such table: nowhere"),
        several=Several(
            ".read lib/table.sql\nselect sum(n) from numbers;",
            {"lib/table.sql": "create table numbers(n);\ninsert into numbers values (2), (3);"},
            "5\n",
        ),
    ),
}
"""By name; every language of the catalogue has its examples."""
