import threading

everyone = threading.Barrier(65)
for _ in range(64):
    threading.Thread(target=everyone.wait).start()
everyone.wait()
print("well")
