"""ReasonChip's own broker, as its command starts it, on two UNIX sockets.

`PYTHON legacy_reasonchip.py CLIENT_SOCKET WORKER_SOCKET` prints `ready`. PYTHON has the package
`reasonchip` 0.0.3, the last with a broker, and what its networking layer imports: pydantic, grpcio,
protobuf, fastapi, uvicorn, hypercorn, httpx. Only that layer is loaded, since it runs with older versions
of Python than the package as a whole asks for.
"""

import asyncio
import importlib.util
import sys
import types


def skip_engine():
    """The package's own __init__ would load its engine."""
    for name in "reasonchip", "reasonchip.net":
        module = types.ModuleType(name)
        if "." in name:
            module.__path__ = [f"{sys.modules['reasonchip'].__path__[0]}/net"]
        else:
            module.__path__ = list(importlib.util.find_spec(name).submodule_search_locations)
        sys.modules[name] = module


async def main(client_path, worker_path):
    skip_engine()
    from reasonchip.net.broker import Broker
    from reasonchip.net.transports.socket_server import SocketServer

    broker = Broker(
        client_transports=[SocketServer(path=client_path)],
        worker_transports=[SocketServer(path=worker_path)],
    )
    await broker.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
