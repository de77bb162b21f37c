<?php
enum Suit: string
{
    case Hearts = 'H';
    case Spades = 'S';

    public static function fromName(string $name): self { return constant("self::$name"); }
    public function colour(): string { return match ($this) { self::Hearts => 'red', self::Spades => 'black' }; }
}

trait Greets
{
    private static int $greeted = 0;
    public function greet(): string { self::$greeted++; return "I am {$this->name}"; }
    public static function greeted(): int { return self::$greeted; }
}

abstract class Animal implements JsonSerializable, Countable, IteratorAggregate, ArrayAccess
{
    use Greets;
    protected array $tricks = [];
    public function __construct(public readonly string $name) {}
    abstract public function speak(): string;
    public function __toString(): string { return static::class . "($this->name)"; }
    public function __get(string $key): string { return "no $key"; }
    public function __call(string $name, array $args): string { return "$name(" . implode(",", $args) . ")"; }
    public function jsonSerialize(): mixed { return ["name" => $this->name]; }
    public function count(): int { return count($this->tricks); }
    public function getIterator(): Iterator { return new ArrayIterator($this->tricks); }
    public function offsetExists(mixed $at): bool { return isset($this->tricks[$at]); }
    public function offsetGet(mixed $at): mixed { return $this->tricks[$at] ?? null; }
    public function offsetSet(mixed $at, mixed $value): void { $at === null ? $this->tricks[] = $value : $this->tricks[$at] = $value; }
    public function offsetUnset(mixed $at): void { unset($this->tricks[$at]); }
}

class Dog extends Animal
{
    public function speak(): string { return "Woof"; }
    public function __destruct() { echo "~{$this->name}\n"; }
}

$rex = new Dog("Rex");
$rex[] = "sit";
$rex["x"] = "roll";
echo $rex, " ", $rex->greet(), " ", Dog::greeted(), " ", count($rex), " ", $rex["x"], " ", isset($rex["y"]) ? 1 : 0, " ", $rex->colour, " ", $rex->fetch(1, 2), "\n";
foreach ($rex as $key => $trick) echo "$key=$trick ";
echo json_encode([$rex, Suit::Hearts, "é" => 1.0], JSON_UNESCAPED_UNICODE), " ", Suit::from('S')->colour(), " ", Suit::tryFrom('X')?->colour() ?? "none", " ", Suit::fromName("Hearts")->name, "\n";
try { $rex->name = "Max"; } catch (Error $error) { echo $error->getMessage(), "\n"; }
$copy = clone $rex;
unset($copy);
function counter(): Closure { $count = 0; return function (int $by = 1) use (&$count) { return $count += $by; }; }
$next = counter(); $next(5);
echo $next(), " ", (fn($x) => $x ** 2)(7), " ", implode(",", array_map(null, [1, 2], [3, 4])[1]), " ", strrev("abc"), "\n";
function fibonacci(): Generator { [$a, $b] = [0, 1]; while (true) { $reset = yield $a; [$a, $b] = $reset ? [0, 1] : [$b, $a + $b]; } }
foreach (fibonacci() as $i => $n) { if ($i > 9) break; echo $n, " "; }
function named(int $a, int $b = 2, int ...$rest): string { return "$a-$b-" . json_encode($rest); }
echo named(b: 5, a: 1), " ", named(1, 2, 3, 4), " ", named(...[1, 9]), "\n";
$upper = strtoupper(...);
echo $upper("first class"), " ", (new class { public int $x = 3; })->x, " ", 5 <=> 3, " ", "abc" == 0 ? "equal" : "different", " ", "1e3" == "1000" ? "equal" : "different", " ", null ?? "default", "\n";
static fn() => 1;
