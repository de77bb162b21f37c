#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
namespace fs = std::filesystem;

int main() {
    {
        std::ofstream out("log.txt");
        out << "one\n" << 2.5 << " " << true << "\n";
    }
    std::ofstream("log.txt", std::ios::app) << "three\n";
    std::ifstream in("log.txt");
    std::string word;
    while (in >> word) std::cout << word << "|";
    std::cout << "\n" << fs::file_size("log.txt") << " " << fs::exists("missing.txt") << "\n";
    std::ifstream missing("missing.txt");
    std::cout << missing.is_open() << "\n";
    fs::create_directories("a/b/c");
    std::ofstream("a/b/c/deep.bin", std::ios::binary).write("\0\xff\n", 3);
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator("a")) names.insert(entry.path().string());
    for (const auto& name : names) std::cout << name << "\n";
    fs::copy_file("log.txt", fs::current_path() / "copy.txt");
    FILE* file = std::fopen("copy.txt", "r+");
    int letter = std::fgetc(file);
    std::fseek(file, 0, SEEK_END);
    std::printf("%c %ld\n", letter, std::ftell(file));
    std::fclose(file);
    std::printf("%s\n", fs::temp_directory_path().c_str());
    std::cout << fs::remove_all("a") << std::endl;
}
