use strict;
use warnings;

sub withdraw {
    my $amount = shift;
    die { code => 7, message => "cannot take $amount" } if $amount < 0;
    return int(100 / $amount);
}

print withdraw(7), "\n";
eval { withdraw(-1); 1 } or print "caught $@->{code} $@->{message}\n";
eval { withdraw(0) };
print "and: ", $@ =~ /^(.*) at /, "\n";
local $SIG{__WARN__} = sub { print "warned: ", $_[0] =~ /^(.*) at \S+ (line \d+)/, "\n" };
my $sum = "12abc" + 1;
print "$sum\n";
END { print "the end\n" }
die "out of money\n" if withdraw(100) == 1;
