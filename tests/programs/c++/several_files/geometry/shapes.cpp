#include "shapes.h"
#include <cmath>
#include "../settings.hpp"

Circle::Circle(double radius) : radius(radius) {}
double Circle::area() const { return M_PI * radius * radius; }
Square::Square(double side) : side(side) {}
double Square::area() const { return side * side; }
