#pragma message "attempted"
/* Four to the thirteenth power of the same line. */
#define A0 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define A1 A0 A0 A0 A0
#define A2 A1 A1 A1 A1
#define A3 A2 A2 A2 A2
#define A4 A3 A3 A3 A3
#define A5 A4 A4 A4 A4
#define A6 A5 A5 A5 A5
#define A7 A6 A6 A6 A6
#define A8 A7 A7 A7 A7
#define A9 A8 A8 A8 A8
#define B A9 A9 A9 A9
#define C B B B B
#define D C C C C
#define E D D D D
const char bomb[] = E;
int main(void) { return bomb[0]; }
