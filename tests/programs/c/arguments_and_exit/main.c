#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void goodbye(void) { puts("at exit"); }

int main(int argc, char *argv[]) {
    atexit(goodbye);
    for (int i = 1; i < argc; i++) printf("%d=%s(%zu) ", i, argv[i], strlen(argv[i]));
    printf("%s %d\n", getenv("COLOUR"), getenv("NOPE") == NULL);
    fputs("warning\n", stderr);
    printf("no newline ");
    return 263;
}
