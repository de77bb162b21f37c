#ifndef SHAPES_H
#define SHAPES_H
typedef struct {
    enum { CIRCLE, SQUARE } kind;
    union {
        double radius;
        double side;
    };
} shape_t;
extern int shapes_made;
shape_t make_circle(double radius);
shape_t make_square(double side);
void print_shape(const shape_t *shape);
#endif
