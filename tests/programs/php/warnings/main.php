<?php
echo "before\n";
echo $undefined;
$list = [];
echo $list["key"];
echo "after\n";
