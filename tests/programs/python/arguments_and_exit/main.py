import argparse
import atexit
import os
import sys

atexit.register(lambda: print("goodbye"))
parser = argparse.ArgumentParser(prog="tool")
parser.add_argument("--times", type=int, default=1)
parser.add_argument("-v", "--verbose", action="store_true")
parser.add_argument("words", nargs="*")
asked = parser.parse_args()
print(asked)
print(os.environ["COLOUR"], os.environ.get("NOPE", "unset"), len(sys.argv))
print("warning", file=sys.stderr)
os.environ["CHANGED"] = "yes"
sys.stdout.write("no newline at exit ")
raise SystemExit("fatal: stopped on purpose")
