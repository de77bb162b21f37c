#include <bits/stdc++.h>
using namespace std;

int main() {
    map<string, int> counts;
    istringstream words("the cat sat on the mat the end");
    for (string word; words >> word;) ++counts[word];
    for (auto& [word, count] : counts) cout << word << "=" << count << " ";
    cout << counts.count("dog") << " " << counts.size() << "\n";
    priority_queue<pair<int, string>, vector<pair<int, string>>, greater<>> heap;
    heap.push({3, "c"});
    heap.emplace(1, "a");
    heap.push({2, "b"});
    for (; !heap.empty(); heap.pop()) cout << heap.top().second;
    deque<int> d{1, 2, 3};
    d.push_front(0);
    d.pop_back();
    list<int> l(d.begin(), d.end());
    l.splice(l.begin(), list<int>{9, 8});
    for (int n : l) cout << " " << n;
    set<int> s{5, 1, 9};
    cout << " | " << *s.lower_bound(6) << " " << *s.rbegin() << " " << s.contains(5) << "\n";
    unordered_map<char, vector<int>> at;
    string banana = "banana";
    for (size_t i = 0; i < banana.size(); i++) at[banana[i]].push_back(i);
    cout << at['a'].size() << " " << at['n'][1] << "\n";
    multiset<int> m{2, 2, 3};
    bitset<8> bits(42);
    tuple<int, string, double> t{1, "x", 2.5};
    array<int, 3> a{3, 1, 2};
    sort(begin(a), end(a));
    cout << m.count(2) << " " << bits << " " << bits.count() << " " << get<1>(t) << " " << a[0] << a.back() << "\n";
    vector<int> v(10);
    iota(v.begin(), v.end(), 1);
    v.erase(remove_if(v.begin(), v.end(), [](int n) { return n % 3 == 0; }), v.end());
    transform(v.begin(), v.end(), v.begin(), [](int n) { return n * n; });
    copy(v.begin(), v.end(), ostream_iterator<int>(cout, ","));
    cout << accumulate(v.begin(), v.end(), 0) << " " << *max_element(v.begin(), v.end()) << " " << binary_search(v.begin(), v.end(), 16) << "\n";
    string text = "abc";
    do cout << text << " ";
    while (next_permutation(text.begin(), text.end()));
    rotate(v.begin(), v.begin() + 2, v.end());
    cout << v.front() << " " << count_if(v.begin(), v.end(), [](int n) { return n > 20; }) << "\n";
    try {
        v.at(99);
    } catch (const out_of_range&) {
        cout << "out of range\n";
    }
    stack<char> open;
    string brackets = "{[()]}(";
    for (char c : brackets) {
        if (strchr("([{", c)) open.push(c);
        else if (!open.empty()) open.pop();
    }
    cout << open.size() << " " << optional<int>{}.value_or(-1) << " " << gcd(12, 18) << " " << lcm(4, 6) << endl;
    variant<int, string> either = "text"s;
    cout << either.index() << " " << holds_alternative<int>(either) << " " << visit([](auto& x) { ostringstream o; o << x; return o.str(); }, either) << endl;
}
