<?php
$words = str_word_count(strtolower("The cat sat on the mat, the end"), 1);
$counts = array_count_values($words);
arsort($counts);
print_r(array_slice($counts, 0, 1));
var_dump(array_filter([1, 0, null, "a", []]), 0.1 + 0.2, 1e100, "10" + 5, 7 / 2, 8 / 2, 7 % 3, -7 % 3, intdiv(-7, 2), PHP_INT_MAX + 1);
echo json_encode([array_merge([1], [2]), [1] + [5, 6], array_combine(["a"], [1]), array_flip(["x"]), range("a", "e", 2), array_unique([1, "1", 2]), array_chunk([1, 2, 3], 2), array_fill_keys(["k"], 0)]), "\n";
[$a, [, $b]] = [1, [2, 3]];
["k" => $c] = ["k" => 4];
echo "$a$b$c ", array_key_last([1, 2]), " ", in_array("1", [1, 2], true) ? "in" : "out", " ", array_search(2, [1, 2]), " ", implode(",", [...[1, 2], ...[3]]), "\n";
printf("%05d|%-6s|%6.2f|%x|%b|%e|%+d|%'*10s|%%|%c\n", 42, "ab", 3.14159, 255, 10, 12345.678, 7, "star", 65);
echo number_format(1234567.891, 2), " ", number_format(0.5), " ", round(2.5), " ", round(-3.5), " ", round(1234.5678, -2), " ", floor(-1.5), " ", fmod(-7, 3), " ", 1.0, " ", 1e15, " ", 1.5e-7, " ", INF, " ", NAN, "\n";
echo ucfirst("élan"), " ", str_pad("5", 3, "0", STR_PAD_LEFT), " ", substr_count("banana", "an"), " ", similar_text("World", "Word"), " ", levenshtein("kitten", "sitting"), " ", soundex("Robert"), " ", nl2br("a\nb"), " ", strtr("Hi all", ["Hi" => "Hello"]), "\n";
echo preg_replace_callback('/\d+/', fn($m) => $m[0] * 2, "3 apples, 12 pears"), " ", preg_replace('/(\w+) (\w+)/', '$2 $1', "hello world"), " ", preg_match('/(?<year>\d{4})-(\d\d)/', "on 2024-02-29", $match), $match["year"], $match[2], "\n";
echo <<<TEXT
  heredoc {$counts["the"]} {$a}
    kept
  TEXT . "\n", <<<'RAW'
  raw $a
  RAW, "\n";
echo serialize(["a" => 1, true]), " ", var_export([1, "x" => null, 2.0], true), " ", md5("abc"), " ", crc32("abc"), " ", base64_encode("é"), " ", bin2hex(pack("nC", 258, 3)), " ", hash("sha256", "") === hash("sha256", "") ? 1 : 0, "\n";
echo array_reduce([1, 2, 3], fn($sum, $n) => $sum + $n, 10), " ", max([1, 5, 3]), " ", array_product([2, 3]), " ", implode(",", array_diff([1, 2, 3], [2])), " ", implode(",", array_keys(["a" => 1, "b" => 2])), "\n";
