"""Listens on a port and waits (`listen`), or binds the same port and looks for the other's banner (`look`)."""

import socket
import sys
import time

server = socket.socket()
if sys.argv[1] == "look":
    try:
        with socket.create_connection(("127.0.0.1", 18080), 1) as other:
            print("ESCAPED: read", other.recv(100), flush=True)
    except ConnectionRefusedError:
        print("nobody else", flush=True)
server.bind(("127.0.0.1", 18080))
server.listen()
print("attempted", flush=True)
if sys.argv[1] == "listen":
    server.settimeout(3)
    try:
        server.accept()[0].send(b"banner")
        print("ESCAPED: somebody came", flush=True)
    except TimeoutError:
        time.sleep(60)
