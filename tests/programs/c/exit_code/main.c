#include <stdio.h>
#include <stdlib.h>

int main(void) {
    int balance = 100, amount;
    while (scanf("%d", &amount) == 1) {
        if (amount > balance) {
            fprintf(stderr, "not enough money: %d left\n", balance);
            exit(3);
        }
        balance -= amount;
        printf("paid %d\n", amount);
    }
    puts("done");
    return 0;
}
