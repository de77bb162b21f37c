#include <stdio.h>
#include <string.h>

int main(void) {
    char line[100];
    int letter, count = 0;
    if (fgets(line, sizeof line, stdin)) printf("%zu ", strlen(line));
    while ((letter = getchar()) != EOF) {
        putchar(letter == '\n' ? '|' : letter);
        count++;
    }
    printf(" %d %d", count, feof(stdin) != 0);
    return 0;
}
