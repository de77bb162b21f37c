"""Tries every way (argv[2:], or all) to drop pages of a shared file (argv[1]) from memory, or to be told of them."""

import ctypes
import errno
import glob
import mmap
import os
import resource
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"preadv2": 327, "pwritev2": 328, "mincore": 27, "io_uring_setup": 425},
    "aarch64": {"preadv2": 286, "pwritev2": 287, "mincore": 232, "io_uring_setup": 425},
}[os.uname().machine] | {"cachestat": 451, "process_madvise": 440}
HIGH = 1 << 32
NOWAIT, DONTCACHE = 0x8, 0x80
PATH = sys.argv[1] if len(sys.argv) > 1 else max(glob.glob("/usr/lib/python3*/_pydecimal.py"))
SIZE = os.stat(PATH).st_size


def called(name, *arguments):
    words = [each if isinstance(each, ctypes._SimpleCData) else ctypes.c_long(each) for each in arguments]
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(flags):
    buffer = ctypes.create_string_buffer(SIZE)
    parts = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), SIZE)
    with open(PATH, "rb", 0) as file:
        return called("preadv2", file.fileno(), ctypes.c_void_p(ctypes.addressof(parts)), 1, 0, 0, flags)


def write(flags):
    buffer = ctypes.create_string_buffer(1)
    parts = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 1)
    with open(PATH, "rb", 0) as file:
        return called("pwritev2", file.fileno(), ctypes.c_void_p(ctypes.addressof(parts)), 1, 0, 0, flags)


def advised(advice):
    with open(PATH, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, advice)


def mapped(advice):
    with open(PATH, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        bytes(pages)
        pages.madvise(advice)


def shared_mapping():
    libc.mmap.restype = ctypes.c_void_p
    with open(PATH, "rb") as file:
        return ctypes.c_void_p(libc.mmap(None, ctypes.c_long(SIZE), 1, 1, file.fileno(), ctypes.c_long(0)))


def invalidated():
    place = shared_mapping()
    ctypes.string_at(place, SIZE)
    libc.msync(place, ctypes.c_long(SIZE), 4 | 2)
    libc.munmap(place, ctypes.c_long(SIZE))


def directly():
    descriptor = os.open(PATH, os.O_RDONLY | os.O_DIRECT)
    pages = mmap.mmap(-1, (SIZE + 4095) & ~4095)
    os.preadv(descriptor, [pages], 0)


def written_back():
    with open(PATH, "rb") as file:
        os.fsync(file.fileno())
        os.fdatasync(file.fileno())
        libc.syncfs(file.fileno())
        libc.sync_file_range(file.fileno(), ctypes.c_long(0), ctypes.c_long(0), 7)
        libc.readahead(file.fileno(), ctypes.c_long(0), ctypes.c_long(SIZE))


def caches_dropped():
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("1")


def resident_told():
    try:
        read(NOWAIT)
    except BlockingIOError:
        return "RWF_NOWAIT: no"
    return "RWF_NOWAIT: yes"


def counted():
    span = (ctypes.c_uint64 * 2)(0, 0)
    counts = (ctypes.c_uint64 * 5)()
    with open(PATH, "rb") as file:
        called("cachestat", file.fileno(), ctypes.c_void_p(ctypes.addressof(span)),
               ctypes.c_void_p(ctypes.addressof(counts)), 0)  # fmt: skip
    return f"cachestat: {list(counts)}"


def in_core():
    held = (ctypes.c_ubyte * (SIZE // 4096 + 1))()
    called("mincore", shared_mapping(), SIZE, ctypes.c_void_p(ctypes.addressof(held)))
    return f"mincore: {sum(held)}"


DROP = {
    "fadvise_dontneed": lambda: advised(os.POSIX_FADV_DONTNEED),
    "fadvise_noreuse": lambda: advised(os.POSIX_FADV_NOREUSE),
    "fadvise_random": lambda: advised(os.POSIX_FADV_RANDOM),
    "preadv2_dontcache": lambda: read(DONTCACHE),
    "preadv2_dontcache_and_more": lambda: read(HIGH | DONTCACHE | 0x1),
    "pwritev2_dontcache": lambda: write(DONTCACHE),
    **{f"madvise_{number}": lambda number=number: mapped(number)
       for number in (4, 8, 9, 12, 14, 15, 20, 21, 22, 23, 24, 25, 100, 101)},
    "msync": invalidated,
    "o_direct": directly,
    "sync": written_back,
    "drop_caches": caches_dropped,
    "process_madvise": lambda: called("process_madvise", 0, 0, 0, 21, 0),
    "io_uring": lambda: called("io_uring_setup", 1, 0),
}  # fmt: skip
ASK = {"preadv2_nowait": resident_told, "cachestat": counted, "mincore": in_core}


def loaded():
    with open(PATH, "rb") as file:
        file.read()


def misses():
    """How many times the kernel has to wait for the disk, by its own count, to show all of the file."""
    with open(PATH, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
        for place in range(0, SIZE, 4096):
            pages[place]
        return resource.getrusage(resource.RUSAGE_SELF).ru_majflt - before


def tried(way):
    try:
        answer = (DROP | ASK)[way]()
    except (OSError, ValueError) as error:
        answer = None
        print(way, "refused", errno.errorcode.get(getattr(error, "errno", None), error), flush=True)
    else:
        print(way, "answered", flush=True)
    return answer


if sys.argv[2:3] == ["spy"]:
    loaded()
    for way in (*DROP, "fadvise_dontneed"):  # some read it again
        tried(way)
    print("attempted", flush=True)
    time.sleep(1.5)
    print("misses:", misses(), flush=True)
else:
    for way in sys.argv[2:] or [*DROP, *ASK]:
        loaded()
        if answer := tried(way):
            print("ESCAPED:", answer, flush=True)
        if count := misses():
            print("ESCAPED:", way, "dropped the file:", count, "misses", flush=True)
    print("attempted", flush=True)
