<?php
class AccountError extends RuntimeException
{
    public function __construct(public readonly int $amount, ?Throwable $previous = null)
    {
        parent::__construct("cannot take $amount", 7, $previous);
    }
}

function withdraw(int $amount): int
{
    try {
        return intdiv(100, $amount);
    } catch (DivisionByZeroError $error) {
        throw new AccountError($amount, $error);
    } finally {
        echo "finally\n";
    }
}

echo withdraw(7), "\n";
try {
    withdraw(0);
} catch (InvalidArgumentException | AccountError $error) {
    echo get_class($error), " ", $error->getMessage(), " ", $error->getCode(), " ", $error->getPrevious()->getMessage(), " ", $error->getLine(), "\n";
}
set_error_handler(function (int $level, string $message): bool { echo "warned: $message\n"; return true; });
echo $undefined ?? "nothing", [1][5] ?? "none", "\n";
$list = [1];
echo $list[3], "\n";
restore_error_handler();
register_shutdown_function(function (): void { echo "shutdown\n"; });
try { strlen(); } catch (ArgumentCountError $error) { echo "too few\n"; }
try { (fn(int $n) => $n)("x"); } catch (TypeError $error) { echo "wrong type\n"; }
withdraw(0);
