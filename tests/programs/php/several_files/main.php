<?php
declare(strict_types=1);

namespace App;

use Geometry\{Circle, Square};
use function Geometry\Text\describe;

spl_autoload_register(function (string $class): void {
    require __DIR__ . '/src/' . str_replace('\\', '/', $class) . '.php';
});
require_once 'src/text.php';
$settings = include 'settings.php';

foreach ([new Circle($settings['radius']), new Square(4)] as $shape) {
    echo describe($shape), "\n";
}
echo file_get_contents('notes/readme.txt'), basename(__FILE__), ' ', __NAMESPACE__, "\n";
?>
Text outside of PHP <?= 6 * 7 ?>

<?php if (true): ?>
kept
<?php endif;
