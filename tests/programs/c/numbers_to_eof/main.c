#include <limits.h>
#include <stdio.h>

int main() {
    int n, count = 0, low = INT_MAX, high = INT_MIN;
    long sum = 0;
    while (scanf("%d", &n) != EOF) {
        count++;
        sum += n;
        if (n < low) low = n;
        if (n > high) high = n;
    }
    printf("%d %ld %d %d\nmean %.3f\n", count, sum, low, high, (double) sum / count);
}
