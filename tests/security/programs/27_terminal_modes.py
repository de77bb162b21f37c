"""Sets its terminal to the oddest modes, one after another, and says so before each."""

import fcntl
import os
import select
import termios

ALL = 0xFFFFFFFF
EXTPROC = 0o200000
USUAL = termios.tcgetattr(0)
INPUT, OUTPUT, CONTROL, LOCAL, IN_SPEED, OUT_SPEED, CHARACTERS = range(7)


def modes(**changed):
    new = [each if not isinstance(each, list) else list(each) for each in USUAL]
    for name, value in changed.items():
        new[globals()[name.upper()]] = value
    termios.tcsetattr(0, termios.TCSANOW, new)


def characters(**changed):
    new = list(USUAL[CHARACTERS])
    for name, value in changed.items():
        new[getattr(termios, name.upper())] = value
    return new


ODD = {
    "raw": lambda: modes(input=0, output=0, local=0),
    "echo only": lambda: modes(local=termios.ECHO),
    "no echo": lambda: modes(local=USUAL[LOCAL] & ~termios.ECHO),
    "marks": lambda: modes(input=termios.PARMRK | termios.INPCK | termios.BRKINT),
    "everything": lambda: modes(input=ALL, output=ALL, local=ALL & ~(EXTPROC | termios.TOSTOP)),
    "external": lambda: modes(local=USUAL[LOCAL] | EXTPROC),
    "hangs up": lambda: modes(control=0, out_speed=termios.B0),
    "many at once": lambda: modes(local=0, characters=characters(vmin=255, vtime=255)),
    "none at once": lambda: modes(local=0, characters=characters(vmin=0, vtime=0)),
    "every key ends": lambda: modes(characters=[b"a"] * len(USUAL[CHARACTERS])),
    "exclusive": lambda: fcntl.ioctl(0, termios.TIOCEXCL),
    "not exclusive": lambda: fcntl.ioctl(0, termios.TIOCNXCL),
    "input stops": lambda: termios.tcflow(0, termios.TCIOFF),
    "input goes on": lambda: termios.tcflow(0, termios.TCION),
    "is small": lambda: termios.tcsetwinsize(0, (0, 0)),
    "drops": lambda: termios.tcflush(0, termios.TCIFLUSH),
    "is nobody's": lambda: fcntl.ioctl(0, termios.TIOCNOTTY),
}

for name in ("SIGINT", "SIGQUIT", "SIGTSTP", "SIGHUP", "SIGCONT", "SIGTTOU", "SIGTTIN", "SIGWINCH"):
    import signal

    signal.signal(getattr(signal, name), signal.SIG_IGN)
os.write(1, b"attempted\n")
os.set_blocking(0, False)
for name, set_it in ODD.items():
    termios.tcsetattr(0, termios.TCSANOW, USUAL)
    os.write(1, f"next is {name}\n".encode())
    try:
        set_it()
    except (OSError, termios.error):
        pass
    # What comes meanwhile is read, if anything is.
    for _ in range(20):
        if select.select([0], [], [], 0.005)[0]:
            try:
                os.read(0, 65_536)
            except OSError:
                pass
os.write(1, b"was everything\n")
os._exit(5)
