use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use Unicode::Normalize;
use charnames ();

chomp(my $text = <STDIN>);
{ use bytes; print bytes::length($text), " "; }
print length $text, "\n", scalar reverse($text), "\n", uc $text, " ", uc "straße", "\n";
chomp(my $letters = <STDIN>);
printf "U+%04X %s\n", ord, charnames::viacode(ord) for split //, $letters;
print NFC("e\x{301}") eq "é" ? "same" : "different", " ", "Écrit" =~ /^\p{Lu}\p{Ll}+$/ ? "matches" : "no", "\n";
