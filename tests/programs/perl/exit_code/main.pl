use strict;
use warnings;

my $balance = 100;
while (my $amount = <STDIN>) {
    chomp $amount;
    if ($amount > $balance) {
        print STDERR "not enough money: $balance left\n";
        exit 3;
    }
    $balance -= $amount;
    print "paid $amount\n";
}
print "done\n";
