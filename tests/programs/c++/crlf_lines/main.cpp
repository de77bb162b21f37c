#include <iostream>
#include <string>
#include <vector>

int main() {
    std::string line;
    int total = 0;
    bool header = true;
    while (std::getline(std::cin, line)) {
        std::cout << line.size();
        if (!line.empty() && line.back() == '\r') line.pop_back();
        size_t at = line.find(';');
        std::cout << " [" << line.substr(0, at) << "] [" << line.substr(at + 1) << "]\n";
        if (!header) total += std::stoi(line.substr(at + 1));
        header = false;
    }
    std::cout << "total " << total << "\n";
}
