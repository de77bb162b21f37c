#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

int main(void) {
    char text[200];
    wchar_t wide[200];
    printf("%s\n", setlocale(LC_ALL, "") ? "locale" : "none");
    fgets(text, sizeof text, stdin);
    text[strcspn(text, "\n")] = '\0';
    size_t length = mbstowcs(wide, text, 200);
    printf("%zu %zu\n%s\n", strlen(text), length, text);
    for (size_t i = 0; i < length; i++) wide[i] = towupper(wide[i]);
    printf("%ls\n", wide);
    fgets(text, sizeof text, stdin);
    for (size_t i = 0, n = mbstowcs(wide, text, 200); i + 1 < n; i++) printf("U+%04X %d\n", (unsigned) wide[i], iswalpha(wide[i]) != 0);
    printf("%zu %lc\n", sizeof "é", L'é');
}
