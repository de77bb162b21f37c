#include <cstdlib>
#include <iostream>

int main() {
    int balance = 100, amount;
    while (std::cin >> amount) {
        if (amount > balance) {
            std::cerr << "not enough money: " << balance << " left" << std::endl;
            std::exit(3);
        }
        balance -= amount;
        std::cout << "paid " << amount << '\n';
    }
    std::cout << "done\n";
}
