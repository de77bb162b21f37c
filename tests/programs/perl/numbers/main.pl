use strict;
use warnings;
use bigint ();
use Math::BigInt;
use Math::BigFloat;
use POSIX qw(floor ceil fmod strftime);

print Math::BigInt->new(30)->bfac, " ", Math::BigInt->new(2)->bpow(200), "\n";
print Math::BigInt->new(3)->bmodpow("1000000000000000000", 1_000_000_007), " ", scalar(Math::BigFloat->new(1)->bdiv(7, 30)), "\n";
print 0.1 + 0.2, " ", 1e15, " ", 1e16, " ", 1 / 3, " ", 10 / 2, " ", 2**53 + 1, " ", 9**20, " ", 9223372036854775807 + 1, "\n";
print int(-3.7), " ", -7 % 3, " ", floor(-1.5), " ", ceil(-1.5), " ", fmod(-7, 3), " ", 7 <=> 7.0, " ", 9**9**9, " ", -9**9**9, "\n";
printf "%05d|%-6s|%6.2f|%x|%o|%b|%e|%g|%s|%%|%3\$s\n", 42, "ab", 3.14159, 255, 8, 10, 12345.678, 0.0001, "end";
print hex("ff"), " ", oct("0b101"), " ", oct("755"), " ", "0 but true" + 5, " ", "3 apples" * 1 || 0, "\n" if eval { no warnings; 1 };
print join(",", map { sprintf "%.0f", $_ } 0.5, 1.5, 2.5), " ", abs(-5), " ", sqrt(2), " ", 10 ** -2, "\n";
print strftime("%Y-%m-%d %H:%M:%S", gmtime(1_700_000_000)), " ", scalar(gmtime 0), " ", scalar(localtime 0), "\n";
