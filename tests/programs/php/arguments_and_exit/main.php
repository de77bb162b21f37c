<?php
echo $argc, " ", json_encode(array_slice($argv, 1), JSON_UNESCAPED_UNICODE), " ", basename($argv[0]), "\n";
echo getenv("COLOUR"), " ", getenv("NOPE") === false ? "unset" : "set", " ", PHP_OS_FAMILY, " ", PHP_SAPI, "\n";
fprintf(STDERR, "warning\n");
register_shutdown_function(fn() => print("goodbye\n"));
ob_start();
echo "buffered ";
echo strtoupper(ob_get_clean());
exit(7);
