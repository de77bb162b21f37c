use strict;
use warnings;
use Getopt::Long;

print scalar(@ARGV), " $ARGV[1] ", $0 =~ m{([^/]+)$}, "\n";
GetOptions("times=i" => \my $times, "v|verbose" => \my $verbose);
print "$times $verbose @ARGV\n";
print "$ENV{COLOUR} ", $ENV{NOPE} // "unset", "\n";
warn "careful";
print STDERR "plain\n";
print "no newline ";
exit 7;
