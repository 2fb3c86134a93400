"""One broker at a time over a DEALER, for an asyncio loop.

A connection is never mended: when it breaks, is silent or is refused, the socket is thrown away and a
fresh one made, for the broker knows nobody again who comes back. libzmq's own reconnecting is put off for
longer than any socket lives after a break; off (-1), it throws away what had come and was not read.
ZMQ_FD tells edges: so the socket is read until it is empty, and looked at again after each send.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import struct
from collections import deque
from typing import Callable, Deque, List, Optional, Sequence

import zmq

from .keys import Keys

LINGER_MS = 2000
RECONNECT_MS = 60000
PAUSE_MIN = 0.1
PAUSE_ABSENT = 0.8  # the longest while nobody is there
PAUSE_MAX = 5.0  # the longest when turned away
ASK = 1.0  # seconds between HEARTBEATs
SILENCE = 5.0  # no word for so long: the broker went away
LAST_WORDS = 0.1  # seconds: libzmq tells that a peer is gone before it hands over its last packets
BATCH = 200  # packets read before others have their turn
EVENTS = (zmq.EVENT_CONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_DISCONNECTED
          | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
          | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
REFUSED = {zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "the handshake failed: is the server key right?",
           zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "the handshake failed: are keys wanted here?",
           zmq.EVENT_HANDSHAKE_FAILED_AUTH: "the broker does not know this key"}
_numbers = itertools.count()
log = logging.getLogger("zfabric")


class Link:
    """Calls up (), down (reason) and packet (frames) in the loop's thread; close () ends it."""

    def __init__(self, endpoints: Sequence[str], keys: Optional[Keys], greeting: Callable[[], List[bytes]],
                 packet: Callable[[List[bytes]], None], up: Callable[[], None],
                 down: Callable[[str], None], outbox: int) -> None:
        if not endpoints:
            raise ValueError("no endpoint")
        self._loop = asyncio.get_running_loop()
        self._context = zmq.Context.instance()
        self._endpoints = list(endpoints)
        self._keys = keys
        self._greeting, self._packet, self._up, self._down = greeting, packet, up, down
        self._limit = outbox
        self._outbox: Deque[List[bytes]] = deque()
        self._socket: Optional[zmq.Socket] = None
        self._monitor: Optional[zmq.Socket] = None
        self._turn = 0
        self._pause = PAUSE_MIN
        self._reached = False
        self._scheduled = False
        self._timer: Optional[asyncio.TimerHandle] = None
        self._parting: Optional[asyncio.TimerHandle] = None
        self._heard = 0.0
        self.connected = False
        self.reason = "no broker yet"
        self._room = asyncio.Event()
        self._room.set()
        self._open()

    def _open(self) -> None:
        dealer = self._context.socket(zmq.DEALER)
        dealer.linger = LINGER_MS
        dealer.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        dealer.setsockopt(zmq.HANDSHAKE_IVL, 5000)
        if self._keys is not None:
            dealer.curve_serverkey = self._keys.server_key.encode()
            dealer.curve_publickey = self._keys.public_key.encode()
            dealer.curve_secretkey = self._keys.secret_key.encode()
        address = f"inproc://zfabric-monitor-{next(_numbers)}"
        dealer.monitor(address, EVENTS)
        monitor = self._context.socket(zmq.PAIR)
        monitor.linger = 0
        monitor.rcvhwm = 0
        monitor.connect(address)
        self._socket, self._monitor = dealer, monitor
        self._reached = self.connected = False
        self._heard = self._loop.time()
        self._loop.add_reader(dealer.fd, self._look)
        self._loop.add_reader(monitor.fd, self._look)
        endpoint = self._endpoints[self._turn % len(self._endpoints)]
        try:
            dealer.connect(endpoint)
        except zmq.ZMQError:
            self._drop()
            raise
        self._timer = self._loop.call_later(ASK, self._tick)
        self._wake()

    def _drop(self) -> None:
        for timer in (self._timer, self._parting):
            if timer is not None:
                timer.cancel()
        self._timer = self._parting = None
        for socket in (self._socket, self._monitor):
            if socket is not None:
                self._loop.remove_reader(socket.fd)
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close()
        if self._monitor is not None:
            self._monitor.close()
        self._socket = self._monitor = None

    def _broke(self, reason: str) -> None:
        """Back-off, and the next endpoint."""
        if self._socket is None:
            return
        was, limit = self.connected, PAUSE_MAX if self._reached else PAUSE_ABSENT
        self._drop()
        self.connected = False
        self.reason = reason
        self._outbox.clear()
        self._room.set()
        self._turn += 1
        pause = self._pause * random.uniform(0.5, 1.0)
        self._pause = min(self._pause * 2, limit)
        log.debug("%s; again in %.2f s", reason, pause)
        self._timer = self._loop.call_later(pause, self._open)
        if was:
            self._down(reason)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(ASK, self._tick)
        self._look()
        silent = self._loop.time() - self._heard
        if silent >= SILENCE:
            self._broke("no word from the broker for 5 s")
        elif self.connected:
            self.send(self._greeting())

    def _wake(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._woken)

    def _woken(self) -> None:
        self._scheduled = False
        self._look()

    def _look(self) -> None:
        """Everything that the two sockets have, within bounds."""
        broken = self._watch()
        dealer = self._socket
        if dealer is None:
            return
        for _ in range(BATCH):
            try:
                frames = dealer.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            self._heard = self._loop.time()
            self._pause = PAUSE_MIN
            self._packet(frames)
            if self._socket is not dealer:
                return
        else:
            self._wake()
        if broken and self.connected:
            if self._parting is None:
                self._parting = self._loop.call_later(LAST_WORDS, self._part, broken)
        elif broken:
            self._broke(broken)
        elif self._outbox and dealer.events & zmq.POLLOUT:
            self._flush()
            self._wake()

    def _part(self, reason: str) -> None:
        """The last packets of a peer that has gone, then the end of its connection."""
        self._look()
        self._broke(reason)

    def _watch(self) -> str:
        """What the monitor says; not empty: the connection is gone."""
        while self._monitor is not None:
            try:
                frames = self._monitor.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return ""
            event = struct.unpack("=HI", frames[0][:6])[0]
            if event == zmq.EVENT_CONNECTED:
                self._reached = True
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected = True
                self._heard = self._loop.time()  # a word as well: who was long in coming is not silent yet
                self._up()
            elif event in REFUSED:
                return REFUSED[event]
            elif event == zmq.EVENT_DISCONNECTED:
                return "the connection to the broker is lost"
            elif event == zmq.EVENT_CLOSED:
                return "nobody there"
        return ""

    def _flush(self) -> None:
        assert self._socket is not None
        while self._outbox:
            try:
                self._socket.send_multipart(self._outbox[0], zmq.DONTWAIT, copy=True)
            except zmq.Again:
                return
            self._outbox.popleft()
        self._room.set()

    def send(self, frames: List[bytes]) -> bool:
        """False: there is no broker, and nothing was kept. The outbox is bounded by room ()."""
        if self._socket is None or not self.connected:
            return False
        self._outbox.append(frames)
        self._flush()
        if len(self._outbox) >= self._limit:
            self._room.clear()
        self._wake()
        return True

    async def room(self) -> None:
        """Waits until the outbox has room."""
        await self._room.wait()

    def close(self) -> None:
        if self._socket is not None:
            self._flush()
        self._drop()
        self.connected = False
        self._room.set()
