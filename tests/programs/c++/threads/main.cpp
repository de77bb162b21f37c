#include <atomic>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

std::mutex guard;
std::atomic<long> counted{0};
long total = 0;

int main() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; i++)
        threads.emplace_back([] {
            for (int n = 0; n < 1000; n++) {
                std::lock_guard<std::mutex> lock(guard);
                total++;
                counted++;
            }
        });
    for (auto& thread : threads) thread.join();
    std::cout << total << " " << counted << "\n";

    std::queue<int> queue;
    std::condition_variable ready;
    std::thread producer([&] {
        for (int i = 0; i <= 5; i++) {
            std::lock_guard lock(guard);
            queue.push(i == 5 ? -1 : i * i);
            ready.notify_one();
        }
    });
    for (bool more = true; more;) {
        std::unique_lock lock(guard);
        ready.wait(lock, [&] { return !queue.empty(); });
        int item = queue.front();
        queue.pop();
        if (item < 0) more = false;
        else std::cout << item << ";";
    }
    producer.join();
    std::cout << "\n";
    auto answer = std::async(std::launch::async, [](int n) { return n * 2; }, 21);
    auto failure = std::async(std::launch::async, []() -> int { throw std::runtime_error("in a task"); });
    std::cout << answer.get() << "\n";
    try {
        failure.get();
    } catch (const std::runtime_error& error) {
        std::cout << error.what() << "\n";
    }
    std::jthread last([] { std::cout << "jthread\n"; });
}
