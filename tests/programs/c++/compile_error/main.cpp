#include <iostream>

int main() {
    int count = "three";
    std::cout << cuont << std::endl
}
