<?php
$numbers = array_map('intval', preg_split('/\s+/', trim(stream_get_contents(STDIN))));
echo implode(" ", [count($numbers), array_sum($numbers), min($numbers), max($numbers)]), PHP_EOL;
printf("mean %.3f\n", array_sum($numbers) / count($numbers));
