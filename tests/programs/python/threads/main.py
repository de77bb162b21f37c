import queue
import threading
from concurrent.futures import ThreadPoolExecutor

total = 0
lock = threading.Lock()


def add(times):
    global total
    for _ in range(times):
        with lock:
            total += 1


threads = [threading.Thread(target=add, args=(1000,)) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(total)

jobs, results = queue.Queue(), queue.Queue()


def worker():
    while (number := jobs.get()) is not None:
        results.put(number ** 2)


workers = [threading.Thread(target=worker) for _ in range(4)]
for each in workers:
    each.start()
for number in range(20):
    jobs.put(number)
for _ in workers:
    jobs.put(None)
for each in workers:
    each.join()
print(sorted(results.queue))
with ThreadPoolExecutor() as pool:
    print(list(pool.map(len, ["a", "bb", "ccc"])))
