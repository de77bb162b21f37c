package Geometry::Circle;
use strict;
use constant PI => 4 * atan2(1, 1);

sub new { my ($class, $radius) = @_; return bless { radius => $radius }, $class }
sub area { return PI * $_[0]{radius}**2 }

package Geometry::Square;
our @ISA = ("Geometry::Circle");
sub new { my ($class, $side) = @_; return bless { side => $side }, $class }
sub area { return $_[0]->{side} ** 2 }
1;
