#include <cstdlib>
#include <iostream>

struct Goodbye {
    ~Goodbye() { std::cout << "static is gone\n"; }
} goodbye;

int main(int argc, char* argv[]) {
    std::atexit([] { std::cout << "at exit\n"; });
    for (int i = 1; i < argc; i++) std::cout << i << "=" << argv[i] << " ";
    std::cout << std::getenv("COLOUR") << " " << (std::getenv("NOPE") == nullptr) << "\n";
    std::cerr << "warning\n";
    std::clog << "logged\n";
    std::cout << "no newline ";
    return 263;
}
