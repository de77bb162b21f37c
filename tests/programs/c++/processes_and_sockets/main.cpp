#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

volatile sig_atomic_t seen = 0;

int main() {
    signal(SIGUSR1, [](int number) { seen = number; });
    raise(SIGUSR1);
    std::cout << (seen == SIGUSR1) << std::endl;
    int ends[2], status;
    if (pipe(ends) != 0) return 1;
    if (pid_t child = fork(); child == 0) {
        if (write(ends[1], "from the child\n", 15) != 15) _exit(2);
        _exit(5);
    } else {
        char text[32] = {};
        if (read(ends[0], text, sizeof text - 1) < 0) return 3;
        waitpid(child, &status, 0);
        std::cout << text << WEXITSTATUS(status) << std::endl;
    }
    std::cout << WEXITSTATUS(std::system("echo shell; exit 4")) << std::endl;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (bind(server, plain, length) || listen(server, 1) || getsockname(server, plain, &length)) return 4;
    if (connect(client, plain, length)) return 5;
    int peer = accept(server, nullptr, nullptr);
    char text[8] = {};
    if (send(client, "hello", 5, 0) != 5 || recv(peer, text, 7, 0) != 5) return 6;
    std::cout << text << std::endl;
}
