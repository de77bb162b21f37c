#include <cstdio>
#include <cstring>

int main() {
    char large[16 << 20];
    memset(large, 1, sizeof large);
    volatile char *at = large;
    if (at[sizeof large - 1])
        puts("well");
}
