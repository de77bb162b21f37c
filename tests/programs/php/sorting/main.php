<?php
$students = [];
fscanf(STDIN, "%d", $count);
for ($i = 0; $i < $count; $i++) {
    [$name, $mark, $year] = explode(",", trim(fgets(STDIN)));
    $students[] = compact("name", "mark", "year");
}
usort($students, fn($a, $b) => [$b["mark"], $a["year"], $a["name"]] <=> [$a["mark"], $b["year"], $b["name"]]);
foreach ($students as $i => ["name" => $name, "mark" => $mark, "year" => $year]) {
    printf("%2d. %-8s%6.2f %d\n", $i + 1, $name, $mark, $year);
}
$numbers = [10, 9, 1, 100];
sort($numbers);
echo implode(",", $numbers), " ";
$ages = ["Bob" => 30, "Ann" => 25, "Cid" => 30];
ksort($ages); echo json_encode($ages), " ";
arsort($ages); echo json_encode($ages), " ";
$names = ["img12", "img10", "IMG2", "img1"];
natcasesort($names);
echo implode(" ", $names), "\n";
