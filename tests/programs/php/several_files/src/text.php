<?php
namespace Geometry\Text;

function describe(\Geometry\Shape $shape): string
{
    return sprintf('%17s: %.2f', $shape::class, $shape->area());
}
