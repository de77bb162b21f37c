import multiprocessing
import subprocess
import sys


def cube(number):
    return number ** 3


if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool:
        print(pool.map(cube, range(8)))
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.Process(target=child.send, args=(["from", "child"],))
    process.start()
    print(parent.recv())
    process.join()
    print(process.exitcode)
    said = subprocess.run([sys.executable, "-c", "print(6*7); raise SystemExit(4)"], capture_output=True, text=True)
    print(said.stdout.strip(), said.returncode)
    print(subprocess.check_output("echo $((1+2)) | tr 3 x", shell=True, text=True), end="")
