#pragma message "attempted"
/* A name of four to the eleventh power of letters, which the error message repeats. */
#define GLUED(a, b, c, d) a##b##c##d
#define FOUR(a, b, c, d) GLUED(a, b, c, d)
#define N1 FOUR(a, a, a, a)
#define N2 FOUR(N1, N1, N1, N1)
#define N3 FOUR(N2, N2, N2, N2)
#define N4 FOUR(N3, N3, N3, N3)
#define N5 FOUR(N4, N4, N4, N4)
#define N6 FOUR(N5, N5, N5, N5)
#define N7 FOUR(N6, N6, N6, N6)
#define N8 FOUR(N7, N7, N7, N7)
#define N9 FOUR(N8, N8, N8, N8)
#define M FOUR(N9, N9, N9, N9)
#define L FOUR(M, M, M, M)
int main(void) { return L; }
