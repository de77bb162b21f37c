use strict;
use warnings;
use List::Util qw(sum min max);

my @numbers = map { split } <>;
print join(" ", scalar @numbers, sum(@numbers), min(@numbers), max(@numbers)), "\n";
printf "mean %.3f\n", sum(@numbers) / @numbers;
