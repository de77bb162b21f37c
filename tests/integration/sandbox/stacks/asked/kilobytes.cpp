// kilobytes COUNT [thread]: use so much of the first thread's stack, or of another's.
#include <cstdlib>
#include <thread>

static long __attribute__((noinline, optimize("O0"))) down(long n) {
    char frame[1024];
    frame[0] = n;
    return n ? down(n - 1) + 1 : 0;
}

int main(int count, char **words) {
    auto go = [&] { down(atol(words[1])); };
    if (count > 2)
        std::thread(go).join();
    else
        go();
}
