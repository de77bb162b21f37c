use strict;
use warnings;

my $text = do { local $/; <STDIN> };
print join(" ", $text =~ /\b[\w.]+@[\w.]+\.\w+\b/g), "\n";
while ($text =~ /(?<year>\d{4})-(?<month>\d\d)-(\d\d)/g) { print "$+{year}/$+{month}/$3 at ", pos $text, "\n" }
(my $swapped = "hello world again") =~ s/(\w+) (\w+)/$2 $1/;
print "$swapped ", "3 apples, 12 pears" =~ s/(\d+)/$1 * 2/ger, "\n";
(my $upper = "hello") =~ tr/a-y/b-z/;
print "$upper ", ($text =~ tr/0-9//), " ", join("|", split /[,;]\s*/, "a, b;c"), "\n";
print "balanced\n" if "(a(b)c)" =~ /^(\((?:[^()]++|(?1))*\))$/;
print join(",", "aXbXc" =~ /([a-c])(?=X)/g), " ", "x=1;y=2" =~ s/(\w)=(\d)/\u$1:$2/gr, "\n";
my %h = "a=1 b=2" =~ /(\w)=(\d)/g;
print join(" ", map { "$_$h{$_}" } sort keys %h), "\n";
