<?php
$text = rtrim(fgets(STDIN), "\n");
$letters = preg_split('//u', $text, -1, PREG_SPLIT_NO_EMPTY);
echo strlen($text), " ", count($letters), " ", iconv_strlen($text), "\n";
echo implode("", array_reverse($letters)), "\n";
foreach (preg_split('//u', trim(fgets(STDIN)), -1, PREG_SPLIT_NO_EMPTY) as $letter) {
    echo bin2hex($letter), " ", json_encode($letter), " ", iconv("UTF-8", "UTF-16BE//IGNORE", $letter) === false ? "?" : strlen(iconv("UTF-8", "UTF-16BE", $letter)), "\n";
}
echo "\u{1F389} ", preg_match('/^\p{Lu}\p{Ll}+$/u', "Écrit"), " ", preg_match('//u', "\xff"), " ", htmlspecialchars("<é & \"ü\">"), "\n";
$größe = 3;
echo $größe, " ", wordwrap("The quick brown fox", 10, "\n", true), " ", ucwords("hello world"), "\n";
