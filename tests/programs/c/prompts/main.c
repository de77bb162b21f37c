#include <stdio.h>

int main(void) {
    int age;
    char name[50];
    printf("How old are you? ");
    scanf("%d", &age);
    printf("What is your name? ");
    scanf(" %49[^\n]", name);
    printf("\nHello, %s!\nNext year you will be %d\n", name, age + 1);
    int result = scanf("%d", &age);
    printf("%d %d\n", result, result == EOF);
    return 0;
}
