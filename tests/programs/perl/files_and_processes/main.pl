use strict;
use warnings;
use File::Temp qw(tempfile);
use File::Path qw(make_path remove_tree);
use File::Basename;
use JSON::PP;
use Time::Local;

open my $out, ">", "log.txt" or die $!;
print $out "one\n";
printf {$out} "%s\n", "two";
close $out;
open my $more, ">>", "log.txt"; print $more "three\n"; close $more;
open my $in, "<", "log.txt"; my @lines = <$in>; close $in;
print scalar(@lines), " ", -s "log.txt", " ", -e "missing.txt" ? "there" : "missing", " ", $lines[-1];
open(my $none, "<", "missing.txt") or print "error: $!\n";
make_path("a/b/c"); print join(" ", glob("a/*")), " ", basename("/x/y.txt", ".txt"), "\n"; remove_tree("a");
my ($handle, $name) = tempfile(); print $name =~ m{^/tmp/} ? "temporary\n" : "$name\n";
print `echo \$((6 * 7))`, $? >> 8, " ", system("sh", "-c", "exit 5") >> 8, "\n";
$| = 1;
pipe(my $reader, my $writer);
if (my $pid = fork) { close $writer; print <$reader>; waitpid $pid, 0; print $? >> 8, "\n" }
else { print $writer "from the child\n"; close $writer; exit 4 }
my $json = JSON::PP->new->canonical->pretty;
print $json->encode({ b => [1, "x", undef, JSON::PP::true], a => { n => 1.5 } });
print decode_json('{"k": [1, {"deep": "é"}]}')->{k}[1]{deep} eq "\x{e9}" ? "decoded\n" : "no\n";
local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 20; 1 } or print $@;
print timegm(0, 0, 0, 29, 1, 2024), "\n";
