<?php
echo "What is your name? ";
$name = trim(fgets(STDIN));
print("How old are you? ");
$age = (int) fgets(STDIN);
echo "\nHello, {$name}!\nNext year you will be " . ($age + 1) . "\n";
