#include <cstdio>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

int main() {
    std::string raw{std::istreambuf_iterator<char>(std::cin), {}};
    for (unsigned char byte : raw) std::printf("%02x ", byte);
    std::printf("%zu\n", raw.size());
    std::istringstream in(raw);
    int number = -1;
    std::printf("%d ", (bool) (in >> number));
    in.clear();
    in.seekg(3);
    in >> number;
    std::printf("%d\n", number);
}
