"""The client for plain programs, of any number of threads: aio's, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Coroutine, Iterator, Optional, TypeVar

from . import aio

T = TypeVar("T")


class Task:
    """As aio.Task, without await."""

    def __init__(self, client: "Client", task: aio.Task) -> None:
        self.cookie = task.cookie
        self._client, self._task = client, task

    def done(self) -> bool:
        return self._task.done()

    def result(self, timeout: Optional[float] = None) -> Any:
        """The result; a FabricError if it was not OK, TimeoutError if it takes longer than this."""
        return self._client._wait(asyncio.wait_for(self._task.result(), timeout))

    def cancel(self) -> None:
        self._client._wait(self._task.cancel())

    def __iter__(self) -> Iterator[Any]:
        pieces = self._task.__aiter__()
        while True:
            try:
                yield self._client._wait(pieces.__anext__())  # type: ignore[arg-type]
            except StopAsyncIteration:
                return


class Client:
    """`with Client () as client: client.run ("shout", {...})`. Options and methods: those of aio.Client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._client = aio.Client(*args, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="zfabric", daemon=True)

    def __enter__(self) -> "Client":
        self._thread.start()
        self._wait(self._client.__aenter__())
        return self

    def __exit__(self, *what: object) -> None:
        self._wait(self._client.__aexit__(*what))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: "Coroutine[Any, Any, T]") -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def connected(self, timeout: float = 10.0) -> None:
        self._wait(self._client.connected(timeout))

    def start(self, pipeline: str, variables: Any = None, **options: Any) -> Task:
        return Task(self, self._wait(self._client.start(pipeline, variables, **options)))

    def run(self, pipeline: str, variables: Any = None, **options: Any) -> Any:
        return self._wait(self._client.run(pipeline, variables, **options))

    def stream(self, pipeline: str, variables: Any = None, **options: Any) -> Iterator[Any]:
        task = self.start(pipeline, variables, stream=True, **options)
        try:
            yield from task
        finally:
            if not task.done():
                task.cancel()

    def cancel(self, cookie: str) -> None:
        self._wait(self._client.cancel(cookie))


class Api:
    """As ReasonChip's, without await."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def run_pipeline(self, pipeline: str, variables: Any = None, **options: Any) -> Any:
        return self.client._wait(aio.Api(self.client._client).run_pipeline(pipeline, variables, **options))
