#include <iostream>
#include <string>

std::u32string decode(const std::string& text) {
    std::u32string result;
    for (size_t i = 0; i < text.size();) {
        unsigned char first = text[i++];
        int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        char32_t letter = more == 0 ? first : first & (0x3F >> more);
        while (more-- > 0) letter = letter << 6 | (text[i++] & 0x3F);
        result += letter;
    }
    return result;
}

int main() {
    std::string text, letters;
    std::getline(std::cin, text);
    std::getline(std::cin, letters);
    std::cout << text.size() << " " << decode(text).size() << "\n" << text << "\n";
    for (char32_t letter : decode(letters)) std::printf("U+%04X\n", (unsigned) letter);
    const char* greeting = "größe \U0001F389";
    std::cout << greeting << " " << std::string("é").size() << "\n";
}
