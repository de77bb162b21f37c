#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    printf("%5d|%-5d|%05d|%+d|%x|%X|%o|%#x|%c|%s|%.3s|%%\n", 42, 42, 42, 42, 255, 255, 8, 255, 'z', "text", "abcdef");
    printf("%.2f|%10.3e|%g|%g|%a|%.0f|%.0f\n", 2.675, M_E, 0.0001, 1e10, 0.1, 2.5, 3.5);
    printf("%d %d %d %d\n", -7 / 2, -7 % 2, 7 >> 1, 1 << 10);
    unsigned int wraps = 0;
    wraps--;
    printf("%u %d %" PRId64 " %zu %ld\n", wraps, (signed char) 200, INT64_MAX, sizeof(long), LONG_MIN);
    printf("%f %f %d\n", INFINITY, -INFINITY, isnan(sqrt(-1.0)) != 0);
    printf("%ld %.1f %ld\n", strtol("ff", NULL, 16), strtod("1e3xyz", NULL), labs(-5L));
    unsigned __int128 big = 1;
    for (int n = 1; n <= 30; n++) big *= n;
    char digits[50];
    int at = 49;
    for (digits[at] = 0; big; big /= 10) digits[--at] = '0' + (int) (big % 10);
    printf("%s %d %.15g\n", digits + at, (bool) 42, 0.1 + 0.2);
    srand(1);
    int first = rand();
    srand(1);
    int second = rand();
    printf("%d %d\n", first == second, second <= RAND_MAX);
}
