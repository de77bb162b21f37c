#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int total = 0, number = 0;
    while ((length = getline(&line, &room, stdin)) != -1) {
        line[strcspn(line, "\r\n")] = 0;
        char *name = strtok(line, ";"), *amount = strtok(NULL, ";");
        printf("%zd [%s] [%s]\n", length, name, amount);
        if (number++ > 0) total += atoi(amount);
    }
    free(line);
    printf("total %d\n", total);
}
