#ifndef SHAPES_H
#define SHAPES_H
#include <string>

class Shape {
public:
    virtual ~Shape() = default;
    virtual double area() const = 0;
    virtual std::string name() const = 0;
};

class Circle : public Shape {
    double radius;

public:
    explicit Circle(double radius);
    double area() const override;
    std::string name() const override { return "Circle"; }
};

class Square : public Shape {
    double side;

public:
    explicit Square(double side);
    double area() const override;
    std::string name() const override { return "Square"; }
};

std::string describe(const Shape& shape);
#endif
