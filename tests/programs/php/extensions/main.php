<?php
foreach (["ctype", "iconv", "json", "mbstring_or_none", "readline", "calendar", "fileinfo", "gettext", "sockets", "exif", "tokenizer", "posix"] as $name) {
    if ($name !== "mbstring_or_none") echo $name, " ", extension_loaded($name) ? "yes" : "no", "\n";
}
echo cal_days_in_month(CAL_GREGORIAN, 2, 2024), " ", jdtogregorian(2460000), "\n";
echo readline("Your name? "), "\n";
echo (new finfo(FILEINFO_MIME_TYPE))->buffer("<?php echo 1;"), "\n";
