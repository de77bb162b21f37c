<?php
for ($row = 1; $row <= 2500; $row++) {
    echo $row, " ", $row * $row, " ", str_repeat("-", $row % 60), PHP_EOL;
}
