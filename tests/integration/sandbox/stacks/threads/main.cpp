#include <cstdio>
#include <latch>
#include <thread>
#include <vector>

int main() {
    std::latch all(64);
    std::vector<std::thread> made;
    for (int i = 0; i < 64; i++)
        made.emplace_back([&] { all.arrive_and_wait(); });
    for (auto &one : made)
        one.join();
    puts("well");
}
