<?php
$balance = 100;
while (($line = fgets(STDIN)) !== false) {
    $amount = (int) $line;
    if ($amount > $balance) {
        fwrite(STDERR, "not enough money: $balance left\n");
        exit(3);
    }
    $balance -= $amount;
    echo "paid $amount\n";
}
echo "done\n";
