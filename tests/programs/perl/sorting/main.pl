use strict;
use warnings;

chomp(my $count = <STDIN>);
my @students;
for (1 .. $count) {
    chomp(my $line = <STDIN>);
    my ($name, $mark, $year) = split /,/, $line;
    push @students, { name => $name, mark => $mark, year => $year };
}
my $place = 0;
for my $s (sort { $b->{mark} <=> $a->{mark} or $a->{year} <=> $b->{year} or $a->{name} cmp $b->{name} } @students) {
    printf "%2d. %-8s%6.2f %d\n", ++$place, @$s{qw(name mark year)};
}
print "@{[sort 10, 9, 1, 100]} | @{[sort { $a <=> $b } 10, 9, 1, 100]} | @{[reverse sort qw(b a c)]}\n";
