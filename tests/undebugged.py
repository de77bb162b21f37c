"""For tests whose own process carries a load: every user, or every byte between a service and its server."""

import asyncio


def undebugged() -> None:
    """End asyncio's debug mode of the running loop.

    Each callback would keep the stack that made it: on a busy machine this process becomes the narrowest part
    of what it tests, and everything runs into its timeouts.
    """
    asyncio.get_running_loop().set_debug(False)
