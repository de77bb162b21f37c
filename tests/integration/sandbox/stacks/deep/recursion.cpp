// A kilobyte a call, as a search through a graph takes it.
#include <cstdio>

static long __attribute__((noinline, optimize("O0"))) down(long n) {
    char frame[1024];
    frame[0] = n;
    return n ? down(n - 1) + 1 : 0;
}

int main() {
    if (down(200000) == 200000)
        puts("well");
}
