#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct node {
    int value;
    struct node *left, *right;
} node;

static node *insert(node *tree, int value) {
    if (!tree) {
        tree = calloc(1, sizeof *tree);
        tree->value = value;
    } else if (value < tree->value) tree->left = insert(tree->left, value);
    else tree->right = insert(tree->right, value);
    return tree;
}

static void walk(node *tree, void (*visit)(int)) {
    if (!tree) return;
    walk(tree->left, visit);
    visit(tree->value);
    walk(tree->right, visit);
    free(tree);
}

static void show(int value) { printf("%d ", value); }

static int hanoi(int n, char a, char b, char c) { return n == 0 ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a); }

static int depth(volatile int n) { return n == 0 ? 0 : 1 + depth(n - 1); }

int main(void) {
    node *tree = NULL;
    int values[] = {5, 2, 8, 1, 9, 3};
    for (int i = 0; i < 6; i++) tree = insert(tree, values[i]);
    walk(tree, show);
    printf("\n%d %d\n", hanoi(16, 'A', 'B', 'C'), depth(20000));
    size_t size = 32 * 1024 * 1024;
    char *block = malloc(size);
    memset(block, 'x', size);
    block = realloc(block, size * 2);
    printf("%c %zu\n", block[size - 1], size * 2);
    free(block);
    int n = 4, grid[n][n + 1];
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= n; j++) grid[i][j] = i * j;
    printf("%d %zu\n", grid[3][4], sizeof grid);
}
