#pragma message "attempted"
// Lists of numbers, each twice as long as the one before, to the power of forty.
template <int...> struct List {};
template <class> struct Twice;
template <int... number> struct Twice<List<number...>> {
    using type = List<number..., number...>;
};
template <int depth> struct Bomb {
    using type = typename Twice<typename Bomb<depth - 1>::type>::type;
};
template <> struct Bomb<0> {
    using type = List<1>;
};
int main() { return sizeof(Bomb<40>::type); }
