use strict;
use warnings;
use Geometry::Circle;
use Settings qw($RADIUS);
require "./helper.pl";

my @shapes = (Geometry::Circle->new($RADIUS), Geometry::Square->new(4));
print describe($_), "\n" for @shapes;
open my $notes, "<", "notes/readme.txt" or die "no notes: $!";
print <$notes>;
print while <DATA>;
__DATA__
data line 1
data line 2
