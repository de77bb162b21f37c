my @lines = <STDIN>;
print scalar(@lines), "\n";
chomp @lines;
print join("|", @lines), " $. ", eof(STDIN) ? "eof" : "more";
