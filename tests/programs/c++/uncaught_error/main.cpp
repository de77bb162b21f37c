#include <iostream>
#include <stdexcept>
#include <string>

struct AccountError : std::runtime_error {
    explicit AccountError(int amount) : std::runtime_error("cannot take " + std::to_string(amount)) {}
};

int withdraw(int amount) {
    if (amount == 0) throw AccountError(amount);
    return 100 / amount;
}

int main() {
    std::cout << withdraw(7) << std::endl;
    try {
        withdraw(0);
    } catch (const std::exception& error) {
        std::cout << "caught " << error.what() << std::endl;
    }
    std::cout << withdraw(0) << std::endl;
}
