#include <functional>
#include <iostream>
#include <map>
#include <string>

int hanoi(int n, char a, char b, char c) { return n == 0 ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a); }

long long paths(int x, int y) {
    static std::map<std::pair<int, int>, long long> known;
    if (x == 0 || y == 0) return 1;
    auto [at, fresh] = known.try_emplace({x, y}, 0);
    if (fresh) {
        long long found = paths(x - 1, y) + paths(x, y - 1);
        known[{x, y}] = found;
        return found;
    }
    return at->second;
}

void permute(std::string text, size_t from) {
    if (from == text.size()) std::cout << text << " ";
    for (size_t i = from; i < text.size(); i++) {
        std::swap(text[from], text[i]);
        permute(text, from + 1);
    }
}

int depth(volatile int n) { return n == 0 ? 0 : 1 + depth(n - 1); }

int main() {
    std::cout << hanoi(16, 'A', 'B', 'C') << " " << paths(16, 16) << "\n";
    permute("abc", 0);
    std::function<unsigned long(int)> fib = [&](int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); };
    std::cout << "\n" << fib(20) << " " << depth(20000) << "\n";
}
