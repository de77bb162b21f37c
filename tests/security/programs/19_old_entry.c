/* Kills everybody through the 32-bit entry of a 64-bit kernel, where other numbers mean other calls. */
#include <unistd.h>

int main(void)
{
    int result = -1;
    write(1, "attempted\n", 10);
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(37), "b"(-1), "c"(9) : "memory");
    if (result == 0)
        write(1, "ESCAPED: killed\n", 16);
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    if (result > 0)
        write(1, "ESCAPED: answered\n", 18);
    return 0;
}
