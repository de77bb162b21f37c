use strict;
use warnings;

my ($total, @rows) = 0;
while (<STDIN>) {
    print length, " ";
    s/\r?\n\z//;
    push @rows, [split /;/];
}
print "\n", join("|", map { join ",", @$_ } @rows), "\n";
$total += $_->[1] for @rows[1 .. $#rows];
print "total $total\n";
