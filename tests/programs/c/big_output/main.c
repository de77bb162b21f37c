#include <stdio.h>

int main(void) {
    for (int row = 1; row <= 2500; row++) {
        printf("%d %d ", row, row * row);
        for (int i = 0; i < row % 60; i++) putchar('-');
        putchar('\n');
    }
}
