for my $row (1 .. 2500) {
    print "$row ", $row**2, " ", "-" x ($row % 60), "\n";
}
