#pragma message "attempted"
#include <stdio.h>
__asm__(".global secret\nsecret: .incbin \"@SECRET_FILE@\"\n.byte 0\n");
extern const char secret[];
int main(void) { printf("ESCAPED: %s\n", secret); return 0; }
