#include <algorithm>
#include <climits>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

class BigNumber {
    std::vector<uint32_t> digits;  // base 10^9, least first
    static constexpr uint64_t BASE = 1'000'000'000;

public:
    BigNumber(uint32_t n) : digits{n} {}
    BigNumber& operator*=(uint32_t factor) {
        uint64_t carry = 0;
        for (auto& digit : digits) {
            carry += uint64_t{digit} * factor;
            digit = carry % BASE;
            carry /= BASE;
        }
        if (carry) digits.push_back(carry);
        return *this;
    }
    friend std::ostream& operator<<(std::ostream& out, const BigNumber& n) {
        out << n.digits.back();
        for (auto digit = n.digits.rbegin() + 1; digit != n.digits.rend(); ++digit) {
            std::string text = std::to_string(*digit);
            out << std::string(9 - text.size(), '0') << text;
        }
        return out;
    }
};

long long power(long long base, long long exponent, long long modulus) {
    __int128 result = 1, square = base % modulus;
    for (; exponent > 0; exponent >>= 1, square = square * square % modulus)
        if (exponent & 1) result = result * square % modulus;
    return (long long) result;
}

int main() {
    BigNumber factorial = 1, two = 1;
    for (uint32_t n = 2; n <= 30; n++) factorial *= n;
    for (int i = 0; i < 200; i++) two *= 2;
    std::cout << factorial << "\n" << two << "\n" << power(3, 1'000'000'000'000'000'000LL, 1'000'000'007) << "\n";
    std::cout << LLONG_MAX << " " << UINT64_MAX << " " << INT_MIN << " " << -7 / 2 << " " << -7 % 2 << "\n";
    unsigned int wraps = 0;
    wraps--;
    std::cout << wraps << " " << (uint8_t) 300 + 0 << " " << sizeof(long) << sizeof(long long) << sizeof(void*) << "\n";
    std::cout << std::hex << 255 << " " << std::oct << 64 << std::dec << " " << 0b101 << " " << __builtin_popcountll(255) << "\n";
}
