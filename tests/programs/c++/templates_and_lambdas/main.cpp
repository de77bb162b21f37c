#include <algorithm>
#include <concepts>
#include <functional>
#include <iostream>
#include <ranges>
#include <string>
#include <vector>

template <typename T>
concept Number = std::integral<T> || std::floating_point<T>;

template <Number T>
T largest(const std::vector<T>& values) {
    T best = values.front();
    for (T value : values) best = value > best ? value : best;
    return best;
}

template <typename T, int N>
class Ring {
    T items[N]{};
    int next = 0;

public:
    void add(T item) { items[next++ % N] = item; }
    T operator[](int i) const { return items[i]; }
    static constexpr int capacity = N;
};

template <typename... Parts>
std::string join(const Parts&... parts) {
    std::string result;
    ((result += std::string(parts) + "-"), ...);
    result.pop_back();
    return result;
}

template <typename T>
std::string kind(T) { return "other"; }
template <>
std::string kind(int) { return "int"; }

constexpr int factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }
static_assert(factorial(5) == 120);

std::function<int()> counter() {
    int count = 0;
    return [count]() mutable { return ++count; };
}

int main() {
    std::cout << largest<int>({3, 9, 4}) << " " << largest<double>({1.5, 0.5}) << "\n";
    Ring<std::string, 2> ring;
    for (auto word : {"a", "b", "c"}) ring.add(word);
    std::cout << ring[0] << ring[1] << ring.capacity << " " << join("x", std::string("y"), "z") << " " << kind(1) << kind('c') << "\n";
    auto next = counter(), other = counter();
    next();
    std::cout << next() << other() << "\n";
    auto compose = [](auto f, auto g) { return [=](auto x) { return f(g(x)); }; };
    std::cout << compose([](int n) { return n + 1; }, [](int n) { return n * 10; })(4) << "\n";
    std::vector<int> numbers{1, 2, 3, 4, 5, 6};
    for (int n : numbers | std::views::filter([](int n) { return n % 2; }) | std::views::transform([](int n) { return n * n; })) std::cout << n << " ";
    for (int n : std::views::iota(1, 4) | std::views::reverse) std::cout << n;
    std::ranges::sort(numbers, std::greater{});
    std::cout << " " << numbers.front() << "\n";
    int total = 0;
    auto add = [&total](auto... each) { (total += ... += each); };
    add(1, 2, 3);
    if (int half = total / 2; half > 2) std::cout << half << "\n";
    std::cout << R"(raw \n text)" << "\n";
}
