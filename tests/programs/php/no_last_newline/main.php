<?php
while (!feof(STDIN)) {
    var_dump(fgets(STDIN));
}
var_dump(fgets(STDIN));
echo "no end";
