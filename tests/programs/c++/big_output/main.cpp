#include <iostream>
#include <string>

int main() {
    for (int row = 1; row <= 2500; row++)
        std::cout << row << " " << row * row << " " << std::string(row % 60, '-') << std::endl;
}
