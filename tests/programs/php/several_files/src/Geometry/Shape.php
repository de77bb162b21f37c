<?php
namespace Geometry;

interface Shape
{
    public function area(): float;
}
