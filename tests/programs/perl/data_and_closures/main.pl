use strict;
use warnings;
use feature qw(say state signatures);
use Data::Dumper;
use List::Util qw(reduce first shuffle uniq);
use Scalar::Util qw(blessed looks_like_number);

my %counts;
$counts{$_}++ for qw(the cat sat on the mat the);
say join " ", map { "$_=$counts{$_}" } sort { $counts{$b} <=> $counts{$a} || $a cmp $b } keys %counts;
my @matrix = ([1, 2, 3], [4, 5, 6]);
say join ";", map { my $c = $_; join ",", map { $_->[$c] } @matrix } 0 .. 2;
my $data = { list => [1, [2, 3]], hash => { k => undef }, code => "x" };
$Data::Dumper::Sortkeys = $Data::Dumper::Indent = 1;
print Dumper($data);
sub counter ($count = 0) { return sub ($by = 1) { $count += $by } }
my ($next, $other) = (counter(), counter(10));
$next->(5);
say $next->(), " ", $other->();
sub id { state $n = 0; return ++$n }
id() for 1 .. 4;
say id(), " ", (reduce { $a * $b } 1 .. 10), " ", (first { $_ > 3 } 1, 5, 9), " ", join(",", uniq 1, 1, 2);
my @stack = 1 .. 5;
push @stack, shift @stack;
say "@stack[1..3] $#stack ", join(",", splice @stack, 1, 2), " ", exists $data->{none}{deep} ? 1 : 0, " ", exists $data->{none} ? 1 : 0;
say for grep { looks_like_number $_ } "1e3", "abc", "0x1f", " 12 ";
my ($first, @rest) = (1, 2, 3);
my $text = "rest: @rest[0,1] $rest[-1] $$data{code} @{$data->{list}[1]}";
say $text, " ", wantarray() // "undef", " ", "abc" x 2, " ", "10" + "20", " ", "10" . "20", " ", "b" cmp "a", " ", 10 <=> 9;
local $, = "-"; local $\ = "!\n";
print 1, 2, 3;
