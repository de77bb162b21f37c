#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;
static _Thread_local int own;

static void *add(void *argument) {
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&lock);
        total++;
        pthread_mutex_unlock(&lock);
        own++;
    }
    return (void *) (long) (own + *(int *) argument);
}

int main(void) {
    pthread_t threads[16];
    int base = 7;
    void *result;
    for (int i = 0; i < 16; i++) pthread_create(&threads[i], NULL, add, &base);
    for (int i = 0; i < 16; i++) pthread_join(threads[i], &result);
    printf("%ld %ld\n", total, (long) result);
    fflush(stdout);
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status;
    pid_t child = fork();
    if (child == 0) {
        *shared = 42;
        execlp("sh", "sh", "-c", "echo in the child; exit 5", (char *) NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    printf("%d %d\n", WEXITSTATUS(status), *shared);
    sem_t *semaphore = sem_open("/mine", O_CREAT, 0600, 1);
    printf("%d\n", semaphore != SEM_FAILED && sem_wait(semaphore) == 0);
    sem_unlink("/mine");
    FILE *pipe = popen("echo 1+2 | tr + -", "r");
    char text[16];
    printf("%s", fgets(text, sizeof text, pipe));
    printf("%d\n", pclose(pipe));
    printf("%s\n", fopen("missing.txt", "r") ? "?" : strerror(errno));
    return 0;
}
