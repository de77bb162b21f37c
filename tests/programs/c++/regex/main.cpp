#include <iostream>
#include <regex>
#include <string>

int main() {
    std::string line;
    const std::regex date(R"((\d{4})-(\d\d)-(\d\d))"), mail(R"([\w.]+@[\w.]+\.\w+)");
    while (std::getline(std::cin, line)) {
        for (std::sregex_iterator at(line.begin(), line.end(), mail), end; at != end; ++at) std::cout << at->str() << " " << at->position() << "\n";
        std::smatch match;
        while (std::regex_search(line, match, date)) {
            std::cout << match[1] << "/" << match[2] << "/" << match[3] << "\n";
            line = match.suffix();
        }
    }
    std::cout << std::regex_replace("hello world", std::regex("(\\w+) (\\w+)"), "$2 $1") << " "
              << std::regex_match("ABC", std::regex("abc", std::regex::icase)) << "\n";
}
