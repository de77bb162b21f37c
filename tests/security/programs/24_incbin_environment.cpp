#pragma message "attempted"
#include <cstdio>
__asm__(".global secret\nsecret: .incbin \"/proc/self/environ\"\n.byte 0\n.global end\nend:\n");
extern const char secret[], end[];
int main() { return std::fwrite(secret, 1, end - secret, stdout) == 0; }
