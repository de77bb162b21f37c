#include <iostream>
#include <memory>
#include <vector>
#include "geometry/shapes.h"
#include "settings.hpp"

int main() {
    std::vector<std::unique_ptr<Shape>> shapes;
    shapes.push_back(std::make_unique<Circle>(RADIUS));
    shapes.push_back(std::make_unique<Square>(4));
    for (const auto& shape : shapes) std::cout << describe(*shape) << "\n";
}
