#include <stdio.h>

int main(void) {
    volatile int zero = 0;
    printf("%f\n", 1.0 / zero);
    fflush(stdout);
    printf("%d\n", 100 / zero);
}
