#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    FILE *file = fopen("log.txt", "w+");
    fprintf(file, "one %d\ntwo\n", 1);
    rewind(file);
    char word[20];
    int n;
    fscanf(file, "%19s %d", word, &n);
    fseek(file, -4, SEEK_END);
    long at = ftell(file);
    char line[20];
    fgets(line, sizeof line, file);
    printf("%s %d %ld %s", word, n, at, line);
    fclose(file);
    struct { int id; double value; } record = {7, 2.5}, read_back;
    file = fopen("records.bin", "wb");
    fwrite(&record, sizeof record, 1, file);
    fclose(file);
    file = fopen("records.bin", "rb");
    printf("%zu ", fread(&read_back, sizeof read_back, 1, file));
    printf("%d %.1f\n", read_back.id, read_back.value);
    fclose(file);
    struct stat about;
    mkdir("folder", 0755);
    printf("%d %d %ld\n", stat("folder", &about), S_ISDIR(about.st_mode), stat("log.txt", &about) == 0 ? (long) about.st_size : -1);
    printf("%d %d %d\n", rename("log.txt", "folder/moved.txt"), access("log.txt", F_OK), remove("folder/moved.txt"));
    time_t moment = 1700000000;
    char text[64];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime(&moment));
    puts(text);
    strftime(text, sizeof text, "%A %H:%M %Z", localtime(&moment));
    puts(text);
    struct tm day = {.tm_year = 124, .tm_mon = 1, .tm_mday = 30, .tm_isdst = -1};
    mktime(&day);
    printf("%d-%d %d\n", day.tm_mon + 1, day.tm_mday, day.tm_yday);
}
