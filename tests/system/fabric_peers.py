"""Independent peers of the fabric: a DEALER (or REQ) socket and a JSON or msgpack library.

They know docs/PROTOCOL.md and nothing of this project's own code. Run as a program, this file is
a worker that takes tasks and never answers, to be killed or stopped:
`fabric_peers.py ENDPOINT CAPACITY`; it prints `registered` and `took COOKIE`.
"""

import atexit
import sys
import time

import zmq

from fabric_packets import JSON, Packet, cookie_uuid, encode, new_cookie
from fabric_process import DEADLINE

LINGER = 2000  # ms, for what was sent before a close
SLICE = 100  # ms between two looks at whether the broker lives

_context = zmq.Context()
atexit.register(_context.destroy, linger=0)

NOTHING = object()  # "no document was given": None is one


class Peer:
    """One connection to a broker, and the codec that it speaks.

    What comes must be in that codec (PROTOCOL 6) unless the test asks for another.
    """

    def __init__(
        self, endpoint, codec=JSON, kind=zmq.DEALER, broker=None, routing_id=None, keys=None
    ):
        self.codec = codec
        self._broker = broker
        self._patience = DEADLINE
        self._early = []  # packets that came while another one was waited for
        self._socket = _context.socket(kind)
        self._socket.setsockopt(zmq.LINGER, LINGER)
        self._socket.setsockopt(zmq.SNDTIMEO, int(DEADLINE * 1000))
        if "[" in endpoint:
            self._socket.setsockopt(zmq.IPV6, 1)
        if routing_id is not None:
            self._socket.setsockopt(zmq.ROUTING_ID, routing_id)
        if keys is not None:  # (public, secret, the broker's), as octets of Z85
            self._socket.curve_publickey, self._socket.curve_secretkey, self._socket.curve_serverkey = keys
        self._socket.connect(endpoint)

    def close(self):
        """Leaves; what was sent still goes."""
        self._socket.close()

    def vanish(self):
        """Leaves; the cleanup after a test."""
        self._socket.close(0)

    # -- sending

    def send_frames(self, *frames):
        self._socket.send_multipart(frames)

    def send(self, header, payload=None, document=NOTHING):
        """A header as a dict (None values stay: null), and octets or a document beside it."""
        frames = [encode(header, self.codec)]
        if document is not NOTHING:
            payload = encode(document, header.get("encoding") or self.codec)
        if payload is not None:
            frames.append(payload)
        self._socket.send_multipart(frames)

    # -- receiving

    def recv_frames(self, seconds=None):
        """The frames of the next message; AssertionError if none comes or the broker died."""
        end = time.monotonic() + (self._patience if seconds is None else seconds)
        while not self._socket.poll(SLICE):
            if self._broker is not None and self._broker.status is not None:
                if self._socket.poll(SLICE):
                    break  # its last words
                self._broker.check_alive()
            if time.monotonic() > end:
                self._patience = 1  # what follows in this test is lost as well
                problem = "nothing came from the broker"
                raise self._broker.report(problem) if self._broker else AssertionError(problem)
        return self._socket.recv_multipart()

    def recv(self, seconds=None, codec=None):
        """The next packet. `codec`: what it must be in, if not the peer's own; "any": whatever."""
        if self._early:
            return self._early.pop(0)
        packet = Packet(self.recv_frames(seconds))
        while packet.header.get("name") == "probe":  # a HEARTBEAT that answers none
            packet = Packet(self.recv_frames(seconds))
        wanted = codec or self.codec
        if wanted not in ("any", packet.codec):
            raise AssertionError(f"in {packet.codec}, not {wanted}: {packet}")
        return packet

    def expect(self, packet_type, rc=None, cookie=None, seconds=None, codec=None):
        """The next packet, which must be this one."""
        packet = self.recv(seconds, codec)
        if packet.type != packet_type:
            raise AssertionError(f"wanted {packet_type}, got {packet}")
        if rc is not None and packet.rc != rc:
            raise AssertionError(f"wanted {rc}, got {packet}")
        if cookie is not None and packet.cookie != cookie_uuid(cookie):
            raise AssertionError(f"wanted cookie {cookie}, got {packet}")
        return packet

    def has_news(self, milliseconds=0):
        """Whether a message is there, or comes within a short time. Silence proves nothing."""
        return bool(self._early) or bool(self._socket.poll(milliseconds))

    def sync(self):
        """Everything that the broker sent to this peer before it answered a HEARTBEAT.

        When it returns, the broker has also dealt with everything that this peer sent before.
        (The broker answers one with one, section 3, and one connection keeps its order.)
        """
        self.send({"packet_type": "HEARTBEAT"})
        packets = []
        while (packet := self.recv()).type != "HEARTBEAT":
            packets.append(packet)
        return packets

    def expect_nothing(self):
        packets = self.sync()
        if packets:
            raise AssertionError(f"wanted nothing, got {packets}")


class Client(Peer):
    def run(self, pipeline, document=NOTHING, cookie=None, payload=None, **keys):
        """Sends a RUN; its cookie."""
        cookie = cookie or new_cookie()
        header = {"packet_type": "RUN", "cookie": cookie, "pipeline": pipeline, **keys}
        self.send(header, payload, document)
        return cookie

    def cancel(self, cookie):
        self.send({"packet_type": "CANCEL", "cookie": cookie})

    def expect_result(self, rc="OK", cookie=None, seconds=None, codec=None):
        return self.expect("RESULT", rc, cookie, seconds, codec)

    def ask(self, pipeline, document=NOTHING, **keys):
        """Runs a task and waits for its result, with nothing else under way."""
        cookie = self.run(pipeline, document, **keys)
        return self.expect("RESULT", cookie=cookie)


class Worker(Peer):
    def register(self, capacity=1, pipelines=None, **keys):
        """Registers and waits for the broker's answer; what comes before that is kept."""
        header = {"packet_type": "REGISTER", "capacity": capacity, **keys}
        if pipelines is not None:
            header["pipelines"] = pipelines
        self.send(header)
        early, self._early = self._early, []
        while (answer := self.recv()).header.get("capacity") is None:
            if answer.type == "RESULT":
                raise AssertionError(f"not registered: {answer}")
            if answer.type != "REGISTER":  # without capacity: "I don't know you"
                early.append(answer)
        self._early = early
        if answer.header.get("capacity") != capacity:
            raise AssertionError(f"asked for {capacity}, got {answer}")
        return self

    def take(self, cookie=None, seconds=None):
        """The next packet, which must be a RUN (of that task)."""
        return self.expect("RUN", cookie=cookie, seconds=seconds)

    def finish(self, task, document=NOTHING, rc="OK", payload=None, **keys):
        """Sends the RESULT of a task: the RUN that was taken, or a cookie."""
        self._answer("RESULT", task, document, payload, {"rc": rc, **keys})

    def leave(self):
        """Says SHUTDOWN; the broker has heard it when this returns, and may know it no more."""
        self.send({"packet_type": "SHUTDOWN"})
        self.send({"packet_type": "HEARTBEAT"})
        if self.recv().type not in ("HEARTBEAT", "REGISTER"):
            raise AssertionError("wanted an answer to a HEARTBEAT")

    def expect_not_known(self):
        """The broker answers a HEARTBEAT with "I don't know you".

        It may have closed the connection when it gave the worker up, and the HEARTBEAT may be lost
        with that one: so it is said again.
        """
        for _ in range(int(DEADLINE)):
            self.send({"packet_type": "HEARTBEAT"})
            if self.has_news(1000):
                break
        answer = self.expect("REGISTER")
        if answer.header.get("capacity") is not None:
            raise AssertionError(f"known: {answer}")

    def partial(self, task, document=NOTHING, payload=None, **keys):
        self._answer("PARTIAL", task, document, payload, keys)

    def _answer(self, packet_type, task, document, payload, keys):
        cookie = task.header["cookie"] if isinstance(task, Packet) else task
        self.send({"packet_type": packet_type, "cookie": cookie, **keys}, payload, document)

    def serve(self, count, answer=lambda run: run.document()):
        """Takes and finishes `count` tasks, one after the other; the RUNs."""
        taken = []
        for _ in range(count):
            taken.append(self.take())
            self.finish(taken[-1], answer(taken[-1]))
        return taken


def hold(endpoint, capacity):
    worker = Worker(endpoint).register(capacity)
    print("registered", flush=True)
    while True:
        packet = worker.recv(seconds=3600)
        if packet.type == "RUN":
            print("took", packet.cookie, flush=True)


if __name__ == "__main__":
    hold(sys.argv[1], int(sys.argv[2]))
