#define RADIUS 1.5
