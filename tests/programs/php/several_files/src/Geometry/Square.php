<?php
namespace Geometry;

final class Square implements Shape
{
    public function __construct(private readonly float $side) {}

    public function area(): float
    {
        return $this->side ** 2;
    }
}
