#pragma message "attempted"
/* Asks the linker to read a file of the host as its script. */
#include <stdio.h>
__asm__(".section .note.GNU-stack,\"\",@progbits\n.include \"@SECRET_FILE@\"\n");
int main(void) { puts("ESCAPED"); return 0; }
