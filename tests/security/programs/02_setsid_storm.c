/* Every child has a session and a process group of its own, and burns time. */
#include <unistd.h>

int main(void)
{
    write(1, "attempted\n", 10);
    for (;;)
        if (fork() == 0) {
            setsid();
            for (;;)
                ;
        }
}
