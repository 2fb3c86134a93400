"""Clients and workers of zfabric, on pyzmq and msgpack. `Client` is plain, `aio.Client` for asyncio."""

from . import aio, errors, keys, packets
from .errors import (BadPacket, BrokerWentAway, Cancelled, CookieCollision, CookieNotFound, FabricError,
                     Forbidden, NoCapacity, ProcessorException, TimedOut, UnsupportedPacketType,
                     WorkerException, WorkerWentAway)
from .keys import Keys
from .plain import Api, Client, Task
from .worker import Worker, WorkerTask

__version__ = "0.1.0"
__all__ = ["Api", "BadPacket", "BrokerWentAway", "Cancelled", "Client", "CookieCollision",
           "CookieNotFound", "FabricError", "Forbidden", "Keys", "NoCapacity", "ProcessorException",
           "Task", "TimedOut", "UnsupportedPacketType", "Worker", "WorkerException", "WorkerTask",
           "WorkerWentAway", "aio", "errors", "keys", "packets"]
