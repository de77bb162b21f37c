#include <iostream>

int missing(int n);

int main() {
    std::cout << missing(3) << std::endl;
}
