"""Which class of a Java program is started (JLS 12.1.4)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.executor.languages.stages import Program
from services.executor.sandbox.interface import CellFile, Sandbox
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from tests.cases import cases
from tests.hosts import needs
from tests.integration.sandbox.cells import Ran
from tests.integration.sandbox.programs import LANGUAGES, execute

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs("java")]
JAVA = LANGUAGES["java"]


def main(name: str, *, head: str = "class", package: str = "", body: str = "") -> str:
    """A class that prints its name."""
    where = f"package {package}; " if package else ""
    says = f'public static void main(String[] a) {{ System.out.println("{name}"); }}'
    return f"{where}{head} {name} {{ {body} {says} }}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """One for all tests."""
    async with open_warm_sandbox(early=()) as opened:
        yield opened


async def ran(sandbox: Sandbox, files: dict[str, str], entrypoint: str) -> Ran:
    """Compile and run."""
    cell_files = tuple(CellFile(path, text.encode()) for path, text in files.items())
    return await execute(sandbox, JAVA, Program(cell_files, entrypoint, JAVA.default_limits))


STARTED = {
    "the entrypoint's class of two in a package": (
        {
            "src/shop/Checkout.java": main("Checkout", package="shop"),
            "src/shop/Zebra.java": main("Zebra", package="shop"),
        },
        "src/shop/Zebra.java",
        "Zebra",
    ),
    "the same in flat files": (
        {"Checkout.java": main("Checkout", package="shop"), "Zebra.java": main("Zebra", package="shop")},
        "Zebra.java",
        "Zebra",
    ),
    "the same without a package": (
        {"src/Checkout.java": main("Checkout"), "src/Zebra.java": main("Zebra")},
        "src/Zebra.java",
        "Zebra",
    ),
    "two files of one name": (
        {"a/App.java": main("App", package="a"), "b/App.java": main("App", package="b", body="int b;")},
        "b/App.java",
        "App",
    ),
    "a constructor that takes the same": (
        {"Main.java": "class Album { Album(String[] n) {} } " + main("Shop")},
        "Main.java",
        "Shop",
    ),
    "an entrypoint's class without main": (
        {"Main.java": "class Main { int x = 4; } " + main("Runner")},
        "Main.java",
        "Runner",
    ),
    "a method and a lambda that take the same": (
        {
            "Main.java": "interface C { void c(String[] a); }"
            " class Main { void t(String[] a) {} C c = a -> {}; } " + main("Taker")
        },
        "Main.java",
        "Taker",
    ),
    "a class that only calls another's": (
        {"Main.java": "class Caller { static void call() { Start.main(new String[0]); } } " + main("Start")},
        "Main.java",
        "Start",
    ),
    "a private main is none": (
        {"Main.java": "class Main { private static void main(String[] a) {} } " + main("Other")},
        "Main.java",
        "Other",
    ),
    "an inherited main": (
        {"Main.java": "class Main extends Base {} abstract " + main("Base")},
        "Main.java",
        "Base",
    ),
    "main with varargs, in an interface": (
        {"Main.java": 'interface Main { static void main(String... a) { System.out.println("varargs"); } }'},
        "Main.java",
        "varargs",
    ),
    "main of an enum": (
        {"Main.java": "enum Main { A; public static void main(String[] a) { System.out.println(A); } }"},
        "Main.java",
        "A",
    ),
    "a nested class where there is no other": (
        {"Main.java": f"class Main {{ static {main('Inner')} }}"},
        "Main.java",
        "Inner",
    ),
    "any public class": ({"Main.java": main("Solution", head="public class")}, "Main.java", "Solution"),
    "the public one of two": (
        {"Main.java": main("One") + main("Two", head="public class")},
        "Main.java",
        "Two",
    ),
    "several public classes in one file": (
        {"Main.java": "public class Shape {} public interface Drawn {} " + main("Main", head="public class")},
        "Main.java",
        "Main",
    ),
    "the layout of a build, resources and tests beside it": (
        {
            "src/main/java/org/demo/App.java": "package org.demo; public class App {"
            " public static void main(String[] a) throws Exception {"
            " System.out.print(new String(App.class.getResourceAsStream("
            '"/greeting.txt").readAllBytes())); } }',
            "src/main/resources/greeting.txt": "hello\n",
            "src/test/java/org/demo/AppTest.java": "import org.junit.Test; class AppTest {}",
        },
        "src/main/java/org/demo/App.java",
        "hello",
    ),
    "a file beside the program, on the class path": (
        {
            "Main.java": "class Main { public static void main(String[] a) throws Exception {"
            ' System.out.print(new String(Main.class.getResourceAsStream("data.txt").readAllBytes())); } }',
            "data.txt": "data\n",
        },
        "Main.java",
        "data",
    ),
}


@pytest.mark.full
@pytest.mark.parametrize(
    "case",
    cases(
        STARTED,
        {"the public one of two", "a file beside the program, on the class path"},
    ),
)
async def test_the_class_that_is_meant_is_started(sandbox: Sandbox, case: str) -> None:
    files, entrypoint, printed = STARTED[case]
    assert (await ran(sandbox, files, entrypoint)).succeeded() == f"{printed}\n"


REFUSED = {
    "none": (
        {"Main.java": "class Main { void main(String[] a) {} } class Album { Album(String[] n) {} }"},
        ["no class has a main method", "Main (Main.java): void Main.main", "Album (Main.java)"],
    ),
    "several without a hint": (
        {"Main.java": main("One") + main("Two"), "Other.java": main("Three")},
        ["more than one class has a main method", "One (Main.java)", "Two (Main.java)"],
    ),
    "several elsewhere": (
        {"Main.java": "class Main {}", "A.java": main("A"), "b/B.java": main("B")},
        ["more than one class has a main method", "A (A.java)", "B (b/B.java)"],
    ),
}


@pytest.mark.parametrize("case", cases(REFUSED, {"several without a hint"}))
@pytest.mark.full
async def test_a_compile_error_lists_the_classes(sandbox: Sandbox, case: str) -> None:
    files, words = REFUSED[case]
    refused = await ran(sandbox, files, "Main.java")
    assert (refused.verdict.exit_code, refused.verdict.kept) == (1, None)
    for each in words:
        assert each in refused.stderr
