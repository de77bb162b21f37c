#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <sstream>

int main() {
    using namespace std::chrono;
    for (int i = 0; i < 4; i++) {
        year_month_day day = sys_days{2024y / February / 27} + days{i};
        std::printf("%d-%02u-%02u\n", int(day.year()), unsigned(day.month()), unsigned(day.day()));
    }
    std::cout << (sys_days{2025y / 1 / 1} - sys_days{2024y / 1 / 1}).count() << " " << (2023y / 2 / 29).ok() << " " << duration_cast<minutes>(2h + 15min).count() << "\n";
    time_t moment = 1'700'000'000;
    std::cout << std::put_time(std::gmtime(&moment), "%Y-%m-%d %H:%M:%S") << "\n";
    std::cout << std::put_time(std::localtime(&moment), "%c %Z %z") << "\n";
    setenv("TZ", "America/New_York", 1);
    tzset();
    char text[64];
    std::strftime(text, sizeof text, "%A %d %B %H:%M %Z", std::localtime(&moment));
    std::puts(text);
    std::tm parsed{};
    std::istringstream("31/12/2023 23:59:30") >> std::get_time(&parsed, "%d/%m/%Y %H:%M:%S");
    std::cout << timegm(&parsed) << std::endl;
}
