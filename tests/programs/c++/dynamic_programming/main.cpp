#include <algorithm>
#include <iostream>
#include <string>
#include <vector>
using namespace std;

int main() {
    string a, b;
    cin >> a >> b;
    vector<vector<int>> longest(a.size() + 1, vector<int>(b.size() + 1));
    for (size_t i = 1; i <= a.size(); i++)
        for (size_t j = 1; j <= b.size(); j++)
            longest[i][j] = a[i - 1] == b[j - 1] ? longest[i - 1][j - 1] + 1 : max(longest[i - 1][j], longest[i][j - 1]);
    string common;
    for (size_t i = a.size(), j = b.size(); i && j;) {
        if (a[i - 1] == b[j - 1]) common += a[--i], --j;
        else if (longest[i - 1][j] >= longest[i][j - 1]) --i;
        else --j;
    }
    reverse(common.begin(), common.end());
    cout << common << " " << common.size() << "\n";
    vector<int> weights{1, 3, 4, 5}, values{1, 4, 5, 7}, best(8);
    for (size_t i = 0; i < weights.size(); i++)
        for (int room = 7; room >= weights[i]; room--) best[room] = max(best[room], best[room - weights[i]] + values[i]);
    cout << best[7] << "\n";
    vector<long long> ways(101);
    ways[0] = 1;
    for (int coin : {1, 5, 10, 25, 50})
        for (int sum = coin; sum <= 100; sum++) ways[sum] += ways[sum - coin];
    cout << ways[100] << "\n";
    vector<bool> composite(1'000'001);
    int primes = 0;
    for (long long p = 2; p <= 1'000'000; p++) {
        if (composite[p]) continue;
        primes++;
        for (long long k = p * p; k <= 1'000'000; k += p) composite[k] = true;
    }
    cout << primes << "\n";
}
