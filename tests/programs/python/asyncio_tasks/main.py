import asyncio


async def cook(name, turns, log):
    for turn in range(turns):
        await asyncio.sleep(0)
        log.append(f"{name}{turn}")
    return name.upper()


async def numbers():
    for number in range(3):
        await asyncio.sleep(0.001)
        yield number


async def echo(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


async def main():
    log = []
    print(await asyncio.gather(cook("a", 2, log), cook("b", 3, log)), sorted(log))
    print([n async for n in numbers()])
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except asyncio.TimeoutError:
        print("too slow")
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"over the wire\n")
    print((await reader.read()).decode(), end="")
    writer.close()
    server.close()
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print((await process.communicate(b"cat\n"))[0])


asyncio.run(main())
