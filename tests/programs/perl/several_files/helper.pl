sub describe { my $shape = shift; return sprintf "%17s: %.2f", ref $shape, $shape->area }
1;
