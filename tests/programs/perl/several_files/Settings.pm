package Settings;
use Exporter "import";
our @EXPORT_OK = qw($RADIUS);
our $RADIUS = 1.5;
1;
