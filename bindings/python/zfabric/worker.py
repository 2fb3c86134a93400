"""The worker: handlers by pipeline, as many tasks at once as its capacity.

    worker = Worker (capacity=8)

    @worker.pipeline ("shout")
    async def shout (variables, task): ...

    worker.run ()
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Sequence, TypeVar, Union

from . import packets
from ._link import Link
from .errors import Cancelled, ProcessorException
from .keys import Keys, keys_of

LISTEN = "tcp://127.0.0.1:51530"
HEARTBEAT_MS = 2000
OUTBOX = 1000
Handler = TypeVar("Handler", bound=Callable[..., Any])


class WorkerTask:
    """What a handler gets beside the variables. Plain handlers run in a thread; these may be called there."""

    def __init__(self, worker: "Worker", header: Dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        self.header = header
        self.cookie: str = header["cookie"]
        self.pipeline: str = header.get("pipeline", "")
        self._worker = worker
        self._loop = loop
        self._cancelled = threading.Event()
        self._seq = 0
        self.running: "Optional[asyncio.Task[None]]" = None

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def wait_cancelled(self, timeout: Optional[float] = None) -> bool:
        """For plain handlers, instead of sleeping."""
        return self._cancelled.wait(timeout)

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled()

    def partial(self, value: Any) -> None:
        """Sends a piece of the result; in a plain handler, waits for room."""
        frames = self._worker._packet_of("PARTIAL", self, value, seq=self._seq)
        self._seq += 1
        if threading.current_thread() is self._worker._thread:
            self._worker._send(frames)
        else:
            asyncio.run_coroutine_threadsafe(self._worker._send_with_room(frames), self._loop).result()

    async def send_partial(self, value: Any) -> None:
        """The same for async handlers, and waits for room."""
        frames = self._worker._packet_of("PARTIAL", self, value, seq=self._seq)
        self._seq += 1
        await self._worker._send_with_room(frames)


class Worker:
    """Registers what its handlers serve, and registers again after every break.

    run () blocks until SIGTERM, SIGINT, drain () or the broker's SHUTDOWN; serve () does so in a loop
    of one's own. What is running then is finished first.
    """

    def __init__(self, endpoints: Union[str, Sequence[str]] = LISTEN, *, capacity: int = 1,
                 name: Optional[str] = None, codec: str = "msgpack", heartbeat: int = HEARTBEAT_MS,
                 keys: Optional[Keys] = None, server_key: Optional[str] = None,
                 public_key: Optional[str] = None, secret_key: Optional[str] = None) -> None:
        if not 0 < capacity <= 65535:
            raise ValueError("capacity: from 1 to 65,535")
        if heartbeat < 100:
            raise ValueError("heartbeat: at least 100 ms")
        if codec not in packets.CODECS:
            raise ValueError(f"no such codec: {codec}")
        self._endpoints = [endpoints] if isinstance(endpoints, str) else list(endpoints)
        self._capacity, self._name, self._codec, self._heartbeat = capacity, name, codec, heartbeat
        self._keys = keys_of(keys, server_key, public_key, secret_key)
        self._handlers: Dict[str, Callable[..., Any]] = {}
        self._tasks: Dict[str, WorkerTask] = {}
        self._link: Optional[Link] = None
        self._draining = False
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._thread: Optional[threading.Thread] = None
        self._changed: Optional[asyncio.Event] = None
        self._threads: Optional[ThreadPoolExecutor] = None
        self.registered = threading.Event()

    def pipeline(self, *patterns: str) -> Callable[[Handler], Handler]:
        """Decorates handler (variables, task); a pattern is a name, or a prefix that ends in `*`."""
        def take(handler: Handler) -> Handler:
            for pattern in patterns:
                self._handlers[pattern] = handler
            return handler
        return take

    def _handler(self, pipeline: str) -> Optional[Callable[..., Any]]:
        if pipeline in self._handlers:
            return self._handlers[pipeline]
        fitting = [p for p in self._handlers if p.endswith("*") and pipeline.startswith(p[:-1])]
        return self._handlers[max(fitting, key=len)] if fitting else None

    def run(self) -> None:
        """Blocks; SIGTERM and SIGINT drain if this is the main thread."""
        asyncio.run(self.serve(signals=threading.current_thread() is threading.main_thread()))

    async def serve(self, signals: bool = False) -> None:
        if not self._handlers:
            raise ValueError("no handlers")
        self._loop = asyncio.get_running_loop()
        self._thread = threading.current_thread()
        self._changed = asyncio.Event()
        self._threads = ThreadPoolExecutor(self._capacity, "zfabric-task")
        for number in (signal.SIGTERM, signal.SIGINT) if signals else ():
            self._loop.add_signal_handler(number, self._drain)
        self._link = Link(self._endpoints, self._keys, self._beat, self._packet, self._register,
                          self._lost, OUTBOX)
        beats = asyncio.create_task(self._keep_beating())
        try:
            while not (self._draining and not self._tasks):
                self._changed.clear()
                await self._changed.wait()
        finally:
            beats.cancel()
            running = [task.running for task in self._tasks.values() if task.running]
            for task in list(self._tasks.values()):
                self._cancel(task)
            await asyncio.gather(*running, return_exceptions=True)
            self._link.close()
            self._threads.shutdown(wait=False)
            for number in (signal.SIGTERM, signal.SIGINT) if signals else ():
                self._loop.remove_signal_handler(number)

    def drain(self) -> None:
        """From any thread: takes no more, and ends when what runs has finished."""
        if self._loop is None:
            self._draining = True
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        assert self._changed
        if not self._draining:
            self._draining = True
            self._send(packets.write({"packet_type": "SHUTDOWN"}, self._codec))
        self._changed.set()

    def _beat(self) -> List[bytes]:
        return packets.write({"packet_type": "HEARTBEAT"}, self._codec)

    async def _keep_beating(self) -> None:
        """Twice within what was promised; the link asks once a second on its own."""
        while True:
            await asyncio.sleep(self._heartbeat / 2000)
            self._send(self._beat())

    def _register(self) -> None:
        self._send(packets.write({
            "packet_type": "REGISTER", "capacity": 0 if self._draining else self._capacity,
            "pipelines": list(self._handlers), "name": self._name, "heartbeat": self._heartbeat},
            self._codec))

    def _lost(self, reason: str) -> None:
        """The broker has given our tasks up: their results would be dropped."""
        self.registered.clear()
        for task in list(self._tasks.values()):
            self._cancel(task)

    def _send(self, frames: List[bytes]) -> None:
        if self._link is not None:
            self._link.send(frames)

    async def _send_with_room(self, frames: List[bytes]) -> None:
        if self._link is not None:
            await self._link.room()
            self._link.send(frames)

    def _packet_of(self, kind: str, task: WorkerTask, value: Any = None, **keys: Any) -> List[bytes]:
        return packets.write({"packet_type": kind, "cookie": task.cookie, **keys}, self._codec,
                             packets.document(value, self._codec, keys.get("encoding")))

    def _packet(self, frames: List[bytes]) -> None:
        try:
            codec, header = packets.read_header(frames[0])
        except ValueError:
            return
        kind = header.get("packet_type")
        if kind == "REGISTER":
            if "capacity" in header:
                self.registered.set()
            else:
                self._register()
        elif kind == "RUN" and "cookie" in header:
            self._start(codec, header, frames)
        elif kind == "CANCEL" and header.get("cookie", "") in self._tasks:
            self._cancel(self._tasks[header["cookie"]])
        elif kind == "SHUTDOWN":
            self._drain()

    def _start(self, codec: str, header: Dict[str, Any], frames: List[bytes]) -> None:
        assert self._loop
        task = WorkerTask(self, header, self._loop)
        if task.cookie in self._tasks:
            return  # an earlier attempt is still being stopped: see _lost ()
        self._tasks[task.cookie] = task
        task.running = self._loop.create_task(self._run(task, codec, frames))

    def _cancel(self, task: WorkerTask) -> None:
        handler = self._handler(task.pipeline)
        task._cancelled.set()
        if task.running is not None and handler is not None and inspect.iscoroutinefunction(handler):
            task.running.cancel()

    async def _run(self, task: WorkerTask, codec: str, frames: List[bytes]) -> None:
        assert self._changed
        value: Any = None
        try:
            value = await self._call(task, packets.payload_of(codec, task.header, frames))
            answer = self._packet_of("RESULT", task, value, rc="OK")
        except (asyncio.CancelledError, Cancelled):
            answer = self._packet_of("RESULT", task, rc="CANCELLED", error="the task was cancelled")
        except Exception as error:  # pylint: disable=broad-except
            own = isinstance(error, ProcessorException)
            answer = self._packet_of(
                "RESULT", task, rc="PROCESSOR_EXCEPTION" if own else "EXCEPTION",
                error=(error.error if own else f"{type(error).__name__}: {error}")[:8000],
                stacktrace=[line[:500] for line in _lines(error)][-60:])
        self._send(answer)
        del self._tasks[task.cookie]
        self._changed.set()

    async def _call(self, task: WorkerTask, variables: Any) -> Any:
        handler = self._handler(task.pipeline)
        if handler is None:
            raise LookupError(f"no handler for {task.pipeline}")
        if task.cancelled:
            raise Cancelled()
        if inspect.iscoroutinefunction(handler):
            return await handler(variables, task)
        assert self._loop
        return await self._loop.run_in_executor(self._threads, handler, variables, task)


def _lines(error: BaseException) -> List[str]:
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return text.rstrip().splitlines()
