use strict;
use warnings;

$| = 1;
print "What is your name? ";
chomp(my $name = <STDIN>);
print "How old are you? ";
chomp(my $age = <STDIN>);
print "\nHello, $name!\nNext year you will be ${\($age + 1)}\n";
my $more = <STDIN>;
print defined $more ? "more" : "end", "\n";
