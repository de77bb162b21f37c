<?php
$total = 0;
$rows = [];
foreach (file('php://stdin', FILE_IGNORE_NEW_LINES) as $line) {
    echo strlen($line), " ";
    $rows[] = explode(";", rtrim($line, "\r"));
}
echo "\n", json_encode($rows), "\n";
echo "total ", array_sum(array_column(array_slice($rows, 1), 1)), "\n";
