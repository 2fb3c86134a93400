"""Peers of the gRPC door, after PROTOCOL 9 and nothing of this project's own code: Python's grpcio.

All of them live on one loop in a thread of its own; the functions here are called from the test's
and wait for it. Packets are dicts of what is set in the message, the cookie as its text.

Run as a program, this file is a peer to be killed: `worker ENDPOINT CAPACITY` takes tasks and never
answers, it prints `registered` and `took COOKIE`; `client ENDPOINT PIPELINE` runs one and waits.
"""

import asyncio
import json
import os
import pathlib
import queue
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # connections that break are what is tested

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import legacy_peers as legacy
from fabric_doors import DoorCase
from fabric_packets import new_cookie
from fabric_process import DEADLINE, eventually

SERVICE = "reasonchip.ReasonChipService"
METHOD = f"/{SERVICE}/EstablishConnection"
HEALTH = "grpc.health.v1.Health"
CARRIERS = ("grpc", "grpcs", "unix")
END = object()
Code = grpc.StatusCode

# ---- messages

TYPES = {kind: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{kind.upper()}")
         for kind in ("string", "uint32", "int32", "bool", "message")}  # fmt: skip


def _file(name, package, messages):
    """The description of proto3 messages: {name: {field: (number, type, repeated)}}."""
    file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")
    for title, fields in messages.items():
        made = file.message_type.add(name=title)
        for field, (number, kind, repeated) in fields.items():
            one = made.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind in TYPES:
                one.type = TYPES[kind]
            else:
                one.type, one.type_name = TYPES["message"], f".{package}.{kind}"
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file("packet.proto", "reasonchip", {
    "UUID": {"value": (1, "string", False)},
    "ReasonChipPacket": {
        "packet_type": (1, "string", False),
        "cookie": (2, "UUID", False),
        "pipeline": (3, "string", False),
        "variables": (4, "string", False),
        "rc": (5, "string", False),
        "error": (6, "string", False),
        "stacktrace": (7, "string", True),
        "result": (8, "string", False),
        "capacity": (9, "uint32", False),
        "detach": (10, "bool", False),
        "stream": (11, "bool", False),
    },
}))  # fmt: skip
_pool.Add(_file("health.proto", "grpc.health.v1", {
    "HealthCheckRequest": {"service": (1, "string", False)},
    # An enum is an int32 where it travels.
    "HealthCheckResponse": {"status": (1, "int32", False)},
}))  # fmt: skip


def _message(name):
    return message_factory.MessageFactory(_pool).GetPrototype(_pool.FindMessageTypeByName(name))


Packet = _message("reasonchip.ReasonChipPacket")
HealthRequest = _message("grpc.health.v1.HealthCheckRequest")
HealthResponse = _message("grpc.health.v1.HealthCheckResponse")
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def encode(cookie=None, stacktrace=(), **keys):
    """A packet as the octets of a message; keys that are None are not there."""
    packet = Packet(**{key: value for key, value in keys.items() if value is not None})
    packet.stacktrace.extend(stacktrace)
    if cookie is not None:
        packet.cookie.value = cookie
    return packet.SerializeToString()


def decode(octets):
    packet = Packet.FromString(octets)
    unknown = len(Packet.FromString(octets).SerializeToString()) - len(_known(packet))
    if unknown:
        raise AssertionError(f"fields that PROTOCOL 9 does not know: {octets!r:.200}")
    found = {field.name: value for field, value in packet.ListFields()}
    if "cookie" in found:
        found["cookie"] = packet.cookie.value
    if "stacktrace" in found:
        found["stacktrace"] = list(packet.stacktrace)
    return found


def _known(packet):
    packet.DiscardUnknownFields()
    return packet.SerializeToString()


def document(packet, key="result"):
    return json.loads(packet[key])


# ---- the loop


class _Loop(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()


_the_loop = []


def wait(coroutine, seconds=DEADLINE):
    """Runs it on the loop, to its end."""
    if not _the_loop:
        _the_loop.append(_Loop())
    future = asyncio.run_coroutine_threadsafe(coroutine, _the_loop[0].loop)
    try:
        return future.result(seconds)
    except TimeoutError:
        future.cancel()
        raise AssertionError(f"not within {seconds:.0f} s: {coroutine}") from None


# ---- connections and streams


class Ended(Exception):
    """The stream has ended."""


def target_of(endpoint):
    scheme, _, rest = endpoint.partition("://")
    return f"unix:{rest}" if scheme == "grpc+unix" else rest


class Connection:
    """A connection to a door, which carries any number of streams.

    `tls`: (the certificate to trust, the name in it), and a client's own certificate and key.
    """

    def __init__(self, endpoint, tls=None, options=()):
        self._streams = []
        own = [
            ("grpc.use_local_subchannel_pool", 1),  # or two of them are one
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            *options,
        ]
        if tls:
            trusted, name, *pair = [pathlib.Path(part) for part in tls]
            own.append(("grpc.ssl_target_name_override", str(name)))
            key, cert = (pair[1].read_bytes(), pair[0].read_bytes()) if pair else (None, None)
            credentials = grpc.ssl_channel_credentials(trusted.read_bytes(), key, cert)
        else:
            credentials = None
        self.channel = wait(self._open(target_of(endpoint), own, credentials))

    async def _open(self, target, options, credentials):
        if credentials:
            return grpc.aio.secure_channel(target, credentials, options=options)
        return grpc.aio.insecure_channel(target, options=options)

    def stream(self, kind=None, **keys):
        made = (kind or Stream)(self, **keys)
        self._streams.append(made)
        return made

    def client(self, **keys):
        return self.stream(Client, **keys)

    def worker(self, **keys):
        return self.stream(Worker, **keys)

    def close(self):
        """Cancels what is open on it, and closes it."""

        async def do():
            for stream in self._streams:
                stream.call.cancel()
            await self.channel.close(None)

        wait(do())

    vanish = close

    # -- health

    def check(self, service="", **keys):
        """The status that grpc.health.v1 tells; grpc.RpcError is raised as it comes."""
        call = lambda: self.channel.unary_unary(
            f"/{HEALTH}/Check", HealthRequest.SerializeToString, HealthResponse.FromString
        )(HealthRequest(service=service), timeout=DEADLINE, **keys)

        async def ask():
            return (await call()).status

        return wait(ask())

    def until_serving(self):
        """A bridge that is ready may not have met its broker yet."""
        eventually(lambda: self.check() == SERVING, "health is SERVING")
        return self

    def watch(self, service=""):
        return self.stream(Watch, service=service)

    def unary(self, method, octets):
        """Calls any method with any octets; (status code, details, octets or None)."""

        async def ask():
            call = self.channel.unary_unary(method)(octets, timeout=DEADLINE)
            code, details = await call.code(), await call.details()
            return code, details, await call if code == Code.OK else None

        return wait(ask())


class _Reader:
    """What comes from a call, in a queue."""

    def __init__(self):
        self._news = queue.Queue()
        self._early = []
        self.reads = None

    async def _read(self, call):
        try:
            while (octets := await call.read()) is not grpc.aio.EOF:
                self._news.put(octets)
        except (grpc.RpcError, asyncio.CancelledError, asyncio.InvalidStateError):
            pass
        self._news.put(END)

    def start_reading(self):
        async def start():
            self.reads = asyncio.ensure_future(self._read(self.call))

        wait(start())

    def recv_octets(self, seconds=DEADLINE):
        """The next message; Ended at the end of the stream."""
        try:
            octets = self._early.pop() if self._early else self._news.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"nothing came within {seconds:.0f} s") from None
        if octets is END:
            self._news.put(END)
            raise Ended(self.status())
        return octets

    def has_news(self, milliseconds=0):
        """Whether something came, or comes within a short time. Silence proves nothing."""
        if not self._early:
            try:
                self._early.append(self._news.get(timeout=milliseconds / 1000))
            except queue.Empty:
                return False
        return True

    def status(self, seconds=DEADLINE):
        """(code, details), when the stream has ended."""

        async def ask():
            return await self.call.code(), await self.call.details()

        return wait(ask(), seconds)

    def cancel(self):
        async def do():
            self.call.cancel()

        wait(do())

    def expect_end(self, *codes):
        """The stream ends, with nothing said before; its status."""
        try:
            came = self.recv_octets()
        except Ended:
            code, details = self.status()
            if codes and code not in codes:
                raise AssertionError(f"wanted {codes}, got {code}: {details}") from None
            return code, details
        raise AssertionError(f"wanted the end, got {decode(came)}")


class Watch(_Reader):
    def __init__(self, connection, service):
        super().__init__()
        self.call = wait(self._open(connection.channel, service))
        self.start_reading()

    async def _open(self, channel, service):
        return channel.unary_stream(f"/{HEALTH}/Watch", HealthRequest.SerializeToString)(
            HealthRequest(service=service)
        )

    def next(self):
        return HealthResponse.FromString(self.recv_octets()).status


class Stream(_Reader):
    """One stream of packets. With `read=False` it reads nothing until start_reading ()."""

    def __init__(
        self, connection, method=METHOD, extended=False, read=True, deadline=None, **keys
    ):
        super().__init__()
        self._connection = connection
        self._extended = extended
        self.call = wait(self._open(method, timeout=deadline, **keys))
        if read:
            self.start_reading()

    async def _open(self, method, **keys):
        return self._connection.channel.stream_stream(method)(**keys)

    def send_octets(self, *messages):
        """Messages as they are."""

        async def write():
            for octets in messages:
                await self.call.write(octets)

        try:
            wait(write())
        except (grpc.RpcError, asyncio.InvalidStateError, asyncio.CancelledError):
            raise Ended(self.status()) from None

    def send(self, **keys):
        self.send_octets(encode(**keys))

    def half_close(self):
        wait(self.call.done_writing())

    def recv(self, seconds=DEADLINE):
        return legacy.check(decode(self.recv_octets(seconds)), extended=self._extended)

    def expect(self, packet_type, **keys):
        packet = self.recv()
        wanted = {"packet_type": packet_type, **keys}
        found = {key: packet.get(key) for key in wanted}
        if found != wanted:
            raise AssertionError(f"wanted {wanted}, got {packet}")
        return packet


class Client(Stream):
    def run(self, pipeline, *document, cookie=None, variables=None, **keys):
        """Sends a RUN; its cookie."""
        cookie = cookie or new_cookie()
        if document:
            variables = json.dumps(document[0], ensure_ascii=False)
        self.send(packet_type="RUN", cookie=cookie, pipeline=pipeline, variables=variables, **keys)
        return cookie

    def cancel_task(self, cookie):
        self.send(packet_type="CANCEL", cookie=cookie)

    def expect_result(self, rc="OK", cookie=None):
        return self.expect("RESULT", rc=rc, **({"cookie": cookie} if cookie else {}))

    def ask(self, pipeline, *document, **keys):
        cookie = self.run(pipeline, *document, **keys)
        packet = self.recv()
        if packet.get("cookie") != cookie:
            raise AssertionError(f"not of {cookie}: {packet}")
        return packet


class Worker(Stream):
    def register(self, capacity=1):
        self.send(packet_type="REGISTER", capacity=capacity)
        return self

    def take(self, cookie=None):
        return self.expect("RUN", **({"cookie": cookie} if cookie else {}))

    def finish(self, run, *document, rc="OK", **keys):
        result = json.dumps(document[0], ensure_ascii=False) if document else None
        cookie = run if isinstance(run, str) else run["cookie"]
        self.send(packet_type="RESULT", cookie=cookie, rc=rc, result=result, **keys)

    def partial(self, run, document):
        self.send(packet_type="PARTIAL", cookie=run["cookie"], result=json.dumps(document))


# ---- what the tests share


class GrpcCase(DoorCase):
    """`open_grpc ()` opens two doors, `client_door` and `worker_door`, through a bridge."""

    NAME = "door"  # in the certificate

    def place(self, carrier):
        if carrier == "unix":
            return f"grpc+unix://{self.scratch.file()}"
        if carrier in ("grpc", "grpcs"):
            return f"{carrier}://127.0.0.1:*"
        return super().place(carrier)

    def open_grpc(self, carrier="grpc", *options):
        options = list(options)
        if carrier == "grpcs":
            self.certificates = self.make_certificate(self.NAME)
            options += ["--tls-cert", self.certificates[0], "--tls-key", self.certificates[1]]
        self.open_places(self.place(carrier), self.place(carrier), *options)
        if "--tls-require-client-cert" not in options:
            self.connect().until_serving().close()

    def start_bridge(self, *places_and_options):
        super().start_bridge(*places_and_options)
        self.addCleanup(self._end_bridge)

    def _end_bridge(self):
        """It ends with 0, whatever became of its peers."""
        self._close_peers()
        status = self.bridge.stop() if self.bridge.status is None else self.bridge.status
        self.assertEqual(status, 0, self.bridge.err.text)

    def connect(self, endpoint=None, tls=None, **keys):
        """A connection of its own."""
        if tls is None and self.certificates:
            tls = (self.certificates[0], self.NAME)
        return self._peer(Connection(endpoint or self.client_door, tls, **keys))

    def grpc_client(self, **keys):
        """A client with a connection of its own."""
        return self.connect(self.client_door).client(**keys)

    def grpc_worker(self, capacity=1, door=None, **keys):
        """Registered: the broker knows it when this returns."""
        return self.known(
            lambda: self.connect(door or self.worker_door).worker(**keys).register(capacity)
        )

    def known(self, make):
        """What make () makes, when the broker has got to know one more worker."""
        asker = self.client()
        before = len(asker.ask("$workers").document())
        made = make()
        eventually(lambda: len(asker.ask("$workers").document()) > before, "a worker is registered")
        asker.close()
        return made

    def until_no_tasks(self):
        asker = self.client()
        eventually(lambda: asker.ask("$tasks").document() == [], "no task is left")

    def until_workers(self, count):
        asker = self.client()
        eventually(
            lambda: len(asker.ask("$workers").document()) == count, f"there are {count} workers"
        )


class InTheBroker:
    """The same doors in the broker's own process."""

    def open_places(self, serve, listen, *options):
        native = self.scratch.ipc(), self.scratch.ipc()
        if "--drain" not in options:
            options = ["--drain", "10s", *options]
        self.bridge = self.start(
            *options, serve=[native[0], serve], listen=[native[1], listen]
        )
        self.addCleanup(self._close_peers)
        self.client_door, self.worker_door = self.door("clients"), self.door("workers")


def hold(endpoint, capacity):
    worker = Connection(endpoint).worker().register(int(capacity))
    print("registered", flush=True)
    while True:
        packet = worker.recv(3600)
        if packet["packet_type"] == "RUN":
            print("took", packet["cookie"], flush=True)


def ask(endpoint, pipeline):
    client = Connection(endpoint).client()
    client.run(pipeline)
    client.recv(3600)


if __name__ == "__main__":
    {"worker": hold, "client": ask}[sys.argv[1]](*sys.argv[2:])
