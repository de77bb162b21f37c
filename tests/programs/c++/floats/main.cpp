#include <cmath>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <limits>

int main() {
    std::cout << 0.1 + 0.2 << " " << 1e6 << " " << 1e7 << " " << 1.0 / 3 << " " << 100.0 << "\n";
    std::cout << std::setprecision(17) << 0.1 + 0.2 << " " << std::fixed << std::setprecision(2) << 2.675 << " " << 1e10 << "\n";
    std::cout << std::scientific << 12345.678 << std::defaultfloat << " " << 1.0 / 0.0 << " " << -1.0 / 0.0 << " " << std::isnan(std::sqrt(-1)) << "\n";
    std::printf("%.4f %10.3e %08.3f %g %a %.0f %.0f\n", M_PI, M_E, -M_PI, 0.0001, 0.1, 2.5, 3.5);
    std::cout << std::round(2.5) << " " << std::round(-2.5) << " " << std::floor(-1.5) << " " << (int) -3.99 << " " << std::fmod(-7, 3) << "\n";
    std::cout << std::numeric_limits<double>::epsilon() << " " << std::hypot(3, 4) << " " << std::cbrt(27) << " " << 7 / 2 << " " << 7 / 2.0 << "\n";
    float f = 0.1f;
    std::cout << std::setprecision(10) << f << " " << (f == 0.1) << " " << std::setw(8) << std::setfill('*') << 1.5 << std::boolalpha << " " << true << "\n";
    long double precise = 1.0L / 3;
    std::cout << std::setprecision(20) << precise << "\n";
}
