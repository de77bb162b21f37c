#pragma message "attempted"
// Two to the fortieth power of classes, no two of which are the same.
template <int depth, long path> struct Tree {
    static const long value = Tree<depth - 1, path * 2>::value + Tree<depth - 1, path * 2 + 1>::value;
    long filler[1 + depth];
    Tree<depth - 1, path * 2> left;
};
template <long path> struct Tree<0, path> {
    static const long value = path;
};
int main() { return Tree<40, 1>::value; }
