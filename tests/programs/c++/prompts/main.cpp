#include <iostream>
#include <string>
using namespace std;

int main() {
    int age;
    string name;
    cout << "How old are you? ";
    cin >> age;
    cout << "What is your name? ";
    getline(cin >> ws, name);
    cout << endl << "Hello, " << name << "!" << endl << "Next year you will be " << age + 1 << endl;
}
