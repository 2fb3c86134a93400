"""The client for asyncio: one socket, any number of tasks."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, AsyncIterator, Dict, List, Optional, Sequence, Union

from . import packets
from ._link import Link
from .errors import BrokerWentAway, FabricError, error_of
from .keys import Keys, keys_of

SERVE = "tcp://127.0.0.1:51520"
OUTBOX = 1000  # packets that wait for the socket
_END = object()


class Task:
    """A task under way: `await task.result ()`, or `async for piece in task`, or both."""

    def __init__(self, client: "Client", cookie: str, stream: bool) -> None:
        self.cookie = cookie
        self._client = client
        self._end: "asyncio.Future[Any]" = asyncio.get_running_loop().create_future()
        self._pieces: "Optional[asyncio.Queue[Any]]" = asyncio.Queue() if stream else None

    def done(self) -> bool:
        return self._end.done()

    async def result(self) -> Any:
        """The result; a FabricError if the task did not end with OK."""
        return await asyncio.shield(self._end)

    async def cancel(self) -> None:
        """Asks for its end; result () tells how it ended."""
        await self._client.cancel(self.cookie)

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The PARTIALs in order; a FabricError at the end if it was not OK."""
        if self._pieces is None:
            raise TypeError("the task was not started with stream=True")
        while (piece := await self._pieces.get()) is not _END:
            yield piece
        await self.result()

    def _piece(self, value: Any) -> None:
        if self._pieces is not None and not self.done():
            self._pieces.put_nowait(value)

    def _finish(self, value: Any, error: Optional[FabricError]) -> None:
        if self._end.done():
            return
        if error is None:
            self._end.set_result(value)
        else:
            self._end.set_exception(error)
            self._end.exception()  # nobody need ask
        if self._pieces is not None:
            self._pieces.put_nowait(_END)


class Client:
    """`async with Client () as client: await client.run ("shout", {...})`.

    endpoints: of brokers, tried in turn. codec: "json" or "msgpack". max_tasks: open at once; more
    of them wait in start (). Keys as a Keys, or as three Z85 texts. From one event loop only.
    """

    def __init__(self, endpoints: Union[str, Sequence[str]] = SERVE, *, codec: str = "msgpack",
                 keys: Optional[Keys] = None, server_key: Optional[str] = None,
                 public_key: Optional[str] = None, secret_key: Optional[str] = None,
                 max_tasks: int = 10000, max_payload: int = 64 * 2**20) -> None:
        if codec not in packets.CODECS:
            raise ValueError(f"no such codec: {codec}")
        self._endpoints = [endpoints] if isinstance(endpoints, str) else list(endpoints)
        self._codec = codec
        self._keys = keys_of(keys, server_key, public_key, secret_key)
        self._max_payload = max_payload
        self._max_tasks = max_tasks
        self._slots: Optional[asyncio.Semaphore] = None
        self._tasks: Dict[str, Task] = {}
        self._link: Optional[Link] = None
        self._ready: Optional[asyncio.Event] = None

    async def __aenter__(self) -> "Client":
        self._slots = asyncio.Semaphore(self._max_tasks)
        self._ready = asyncio.Event()
        self._link = Link(self._endpoints, self._keys, self._heartbeat, self._packet, self._ready.set,
                          self._lost, OUTBOX)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._link is not None:
            self._link.close()
        self._lost("the client was closed")

    def _heartbeat(self) -> List[bytes]:
        return packets.write({"packet_type": "HEARTBEAT"}, self._codec)

    async def connected(self, timeout: float = 10.0) -> None:
        """Waits for a broker; BrokerWentAway, with the reason, if there is none in time."""
        assert self._link and self._ready, "use `async with`"
        try:
            await asyncio.wait_for(self._ready.wait(), timeout)
        except asyncio.TimeoutError:
            raise BrokerWentAway(self._link.reason) from None

    async def start(self, pipeline: str, variables: Any = None, *, stream: bool = False,
                    detach: bool = False, cookie: Optional[str] = None, timeout: Optional[int] = None,
                    wait: Optional[int] = None, priority: Optional[int] = None,
                    retries: Optional[int] = None, orphan: Optional[str] = None,
                    encoding: Optional[str] = None, connect: float = 10.0, **extra: Any) -> Task:
        """Hands a task over. timeout and wait in milliseconds; `extra`: further keys of the header."""
        assert self._slots and self._link, "use `async with`"
        cookie = str(uuid.UUID(cookie) if cookie else uuid.uuid4())
        if cookie in self._tasks:
            raise error_of("COOKIE_COLLISION", "a task of this client has the cookie", cookie=cookie)
        payload = packets.document(variables, self._codec, encoding)
        if len(payload) > self._max_payload:
            raise error_of("BAD_PACKET", f"variables: more than {self._max_payload} octets", cookie=cookie)
        frames = packets.write({
            **extra, "packet_type": "RUN", "cookie": cookie, "pipeline": pipeline, "stream": stream or None,
            "detach": detach or None, "timeout": timeout, "wait": wait, "priority": priority,
            "retries": retries, "orphan": orphan, "encoding": encoding}, self._codec, payload)
        task = Task(self, cookie, stream)
        if not detach:
            await self._slots.acquire()
        try:
            await self.connected(connect)
            await self._link.room()
            if cookie in self._tasks:
                raise error_of("COOKIE_COLLISION", "a task of this client has the cookie", cookie=cookie)
            if not self._link.send(frames):
                raise BrokerWentAway(self._link.reason, cookie=cookie)
        except BaseException:
            if not detach:
                self._slots.release()
            raise
        if detach:
            task._finish(None, None)
        else:
            self._tasks[cookie] = task
        return task

    async def run(self, pipeline: str, variables: Any = None, **options: Any) -> Any:
        """The result of a task; being cancelled cancels the task. Options: those of start ()."""
        task = await self.start(pipeline, variables, **options)
        try:
            return await task.result()
        except asyncio.CancelledError:
            await self.cancel(task.cookie)
            raise

    async def stream(self, pipeline: str, variables: Any = None, **options: Any) -> AsyncIterator[Any]:
        """`async for piece in client.stream (...)`; leaving early cancels the task."""
        task = await self.start(pipeline, variables, stream=True, **options)
        try:
            async for piece in task:
                yield piece
        finally:
            if not task.done():
                await task.cancel()

    async def cancel(self, cookie: str) -> None:
        """Of any task whose cookie is known, of this client or another."""
        assert self._link
        self._link.send(packets.write({"packet_type": "CANCEL", "cookie": cookie}, self._codec))

    def _packet(self, frames: List[bytes]) -> None:
        try:
            codec, header = packets.read_header(frames[0])
            task = self._tasks.get(header.get("cookie", ""))
            kind = header.get("packet_type")
        except ValueError:
            return
        if task is None or kind not in ("PARTIAL", "RESULT"):
            return  # HEARTBEATs, answers to CANCELs, and what later brokers say
        try:
            value, fault = packets.payload_of(codec, header, frames), None
        except ValueError as error:
            value, fault = None, error_of("EXCEPTION", f"result: {error}", cookie=task.cookie)
        if kind == "PARTIAL":
            task._piece(value)
            return
        rc = header.get("rc", "EXCEPTION")
        if rc != "OK":
            fault = error_of(rc, header.get("error", ""), header.get("stacktrace"), task.cookie)
        self._end(task, value, fault)

    def _end(self, task: Task, value: Any, fault: Optional[FabricError]) -> None:
        assert self._slots
        del self._tasks[task.cookie]
        self._slots.release()
        task._finish(value, fault)

    def _lost(self, reason: str) -> None:
        assert self._ready
        self._ready.clear()
        for task in list(self._tasks.values()):
            self._end(task, None, BrokerWentAway(reason, cookie=task.cookie))


class Api:
    """As ReasonChip's: pipelines are run by their name."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def run_pipeline(self, pipeline: str, variables: Any = None, *, cookie: Optional[str] = None,
                           detached: bool = False, **options: Any) -> Any:
        """The result, or a FabricError; of a detached one its cookie, at once."""
        if detached:
            return (await self.client.start(pipeline, variables, cookie=cookie, detach=True, **options)).cookie
        return await self.client.run(pipeline, variables, cookie=cookie, **options)
