#include <bits/stdc++.h>
using namespace std;

int main() {
    ios::sync_with_stdio(false);
    cin.tie(nullptr);
    vector<int> numbers;
    for (int n; cin >> n;) numbers.push_back(n);
    int sum = accumulate(numbers.begin(), numbers.end(), 0);
    auto [low, high] = minmax_element(numbers.begin(), numbers.end());
    cout << numbers.size() << " " << sum << " " << *low << " " << *high << endl;
    printf("mean %.3f\n", double(sum) / numbers.size());
    return 0;
}
