#include <cassert>
#include <cstdio>

int main() {
    std::puts("before");
    std::fflush(stdout);
    int sum = 2 + 2;
    assert(sum == 5 && "arithmetic");
    std::puts("never");
}
