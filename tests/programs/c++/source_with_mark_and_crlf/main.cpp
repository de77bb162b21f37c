#include <iostream>

#define GREET(name) std::cout \
    << "hello " << name

int main() {
    GREET("Åsa") << R"(
raw)" << std::endl;
}