#include <array>
#include <iomanip>
#include <iostream>
#include <vector>
using namespace std;

int grid[1000][1000];

int main() {
    int n, m;
    cin >> n >> m;
    vector<vector<int>> matrix(n, vector<int>(m));
    for (auto& row : matrix)
        for (int& value : row) cin >> value;
    for (int c = 0; c < m; c++) {
        for (int r = 0; r < n; r++) cout << matrix[r][c] << (r + 1 < n ? " " : "\n");
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            int sum = 0;
            for (int k = 0; k < m; k++) sum += matrix[i][k] * matrix[j][k];
            cout << setw(5) << sum;
        }
        cout << "\n";
    }
    for (int i = 0; i < 1000; i++)
        for (int j = 0; j < 1000; j++) grid[i][j] = i ^ j;
    long long total = 0;
    for (auto& row : grid)
        for (int value : row) total += value;
    array<array<int, 2>, 2> small{{{1, 2}, {3, 4}}};
    cout << total << " " << small[1][0] << "\n";
}
