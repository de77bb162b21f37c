#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char name[20];
    double mark;
    int year;
} Student;

static int by_mark(const void *left, const void *right) {
    const Student *a = left, *b = right;
    if (a->mark != b->mark) return a->mark < b->mark ? 1 : -1;
    if (a->year != b->year) return a->year - b->year;
    return strcmp(a->name, b->name);
}

static int by_value(const void *a, const void *b) { return *(const int *) a - *(const int *) b; }

int main(void) {
    int count;
    scanf("%d", &count);
    Student *students = malloc(count * sizeof *students);
    for (int i = 0; i < count; i++) scanf(" %19[^,],%lf,%d", students[i].name, &students[i].mark, &students[i].year);
    qsort(students, count, sizeof *students, by_mark);
    for (int i = 0; i < count; i++) printf("%2d. %-8s%6.2f %d\n", i + 1, students[i].name, students[i].mark, students[i].year);
    free(students);
    int numbers[] = {10, 9, 1, 100}, key = 10;
    qsort(numbers, 4, sizeof(int), by_value);
    int *found = bsearch(&key, numbers, 4, sizeof(int), by_value);
    printf("%d %d %ld\n", numbers[0], numbers[3], (long) (found - numbers));
}
