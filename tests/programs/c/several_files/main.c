#include <stdio.h>
#include "geometry/shapes.h"
#include "settings.h"

int main(void) {
    shape_t shapes[] = {make_circle(RADIUS), make_square(4)};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) print_shape(&shapes[i]);
    printf("%d made\n", shapes_made);
    return 0;
}
