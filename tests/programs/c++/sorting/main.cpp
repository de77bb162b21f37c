#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>
using namespace std;

struct Student {
    string name;
    double mark;
    int year;
};

int main() {
    int count;
    cin >> count;
    cin.ignore();
    vector<Student> students(count);
    for (auto& s : students) {
        string line;
        getline(cin, line);
        istringstream parts(line);
        getline(parts, s.name, ',');
        char comma;
        parts >> s.mark >> comma >> s.year;
    }
    sort(students.begin(), students.end(), [](const Student& a, const Student& b) {
        return make_tuple(-a.mark, a.year, a.name) < make_tuple(-b.mark, b.year, b.name);
    });
    int place = 0;
    for (const auto& [name, mark, year] : students) printf("%2d. %-8s%6.2f %d\n", ++place, name.c_str(), mark, year);
    vector<int> v{10, 9, 1, 100, 9};
    sort(v.rbegin(), v.rend());
    v.erase(unique(v.begin(), v.end()), v.end());
    for (int n : v) cout << n << ' ';
    cout << (lower_bound(v.begin(), v.end(), 10) - v.begin()) << '\n';
}
