#include <cstdio>

static long __attribute__((noinline, optimize("O0"))) down(long n) {
    char frame[1024];
    frame[0] = n;
    return n ? down(n - 1) + 1 : 0;
}

int main() {
    puts("attempted");
    fflush(stdout);
    return down(1L << 40);
}
