# How large the largest piece of memory is while there is a second thread: its stack, in MiB.
import re
import threading

found = []


def look():
    with open("/proc/self/maps") as file:
        places = re.findall("^([0-9a-f]+)-([0-9a-f]+) rw", file.read(), re.MULTILINE)
    found.append(max(int(end, 16) - int(begin, 16) for begin, end in places))


thread = threading.Thread(target=look)
thread.start()
thread.join()
print(found[0] >> 20)
