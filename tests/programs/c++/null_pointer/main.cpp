#include <iostream>

struct Node {
    int value;
    Node* next;
};

int main(int argc, char**) {
    Node last{2, nullptr}, first{1, &last};
    Node* volatile node = &first;
    for (int i = 0; i < 3; i++) {
        std::cout << node->value << std::endl;
        node = node->next;
    }
}
