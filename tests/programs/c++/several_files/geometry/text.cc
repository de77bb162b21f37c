#include <iomanip>
#include <sstream>
#include "shapes.h"

std::string describe(const Shape& shape) {
    std::ostringstream text;
    text << std::setw(8) << shape.name() << ": " << std::fixed << std::setprecision(2) << shape.area();
    return text.str();
}
