#include <iostream>
#include <memory>
#include <string>
#include <utility>

class Animal {
    static inline int alive = 0;

protected:
    std::string name;

public:
    explicit Animal(std::string name) : name(std::move(name)) { ++alive; }
    Animal(const Animal&) = delete;
    virtual ~Animal() {
        --alive;
        std::cout << "~" << name << "\n";
    }
    virtual std::string speak() const = 0;
    static int count() { return alive; }
};

class Dog : public Animal {
public:
    using Animal::Animal;
    std::string speak() const override { return name + ": Woof"; }
};

class Puppy final : public Dog {
public:
    Puppy() : Dog("Bit") {}
    std::string speak() const override { return Dog::speak() + "?"; }
};

struct Vector {
    double x = 0, y = 0;
    Vector operator+(const Vector& other) const { return {x + other.x, y + other.y}; }
    Vector operator-() const { return {-x, -y}; }
    auto operator<=>(const Vector&) const = default;
    double& operator[](int i) { return i == 0 ? x : y; }
    friend std::ostream& operator<<(std::ostream& out, const Vector& v) { return out << "(" << v.x << ", " << v.y << ")"; }
    friend Vector operator*(double k, const Vector& v) { return {k * v.x, k * v.y}; }
};

class Buffer {
    int* values;
    int size;

public:
    explicit Buffer(int size) : values(new int[size]()), size(size) { std::cout << "make\n"; }
    Buffer(const Buffer& other) : Buffer(other.size) { std::copy(other.values, other.values + size, values); std::cout << "copy\n"; }
    Buffer(Buffer&& other) noexcept : values(std::exchange(other.values, nullptr)), size(std::exchange(other.size, 0)) { std::cout << "move\n"; }
    ~Buffer() { delete[] values; }
    int length() const { return size; }
};

int main() {
    {
        std::unique_ptr<Animal> rex = std::make_unique<Dog>("Rex");
        std::shared_ptr<Animal> bit = std::make_shared<Puppy>(), same = bit;
        std::weak_ptr<Animal> weak = bit;
        std::cout << rex->speak() << " " << bit->speak() << " " << Animal::count() << " " << bit.use_count() << "\n";
        bit.reset();
        std::cout << weak.expired() << " " << (dynamic_cast<Puppy*>(rex.get()) == nullptr) << "\n";
    }
    std::cout << Animal::count() << "\n";
    Vector a{1, 2}, b{.y = 5};
    a[1] = 7;
    std::cout << a + b << " " << 2 * -a << " " << (a == Vector{1, 7}) << " " << (a < b) << "\n";
    Buffer first(3), second = first, third = std::move(first);
    std::cout << first.length() << second.length() << third.length() << "\n";
}
