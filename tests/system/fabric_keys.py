"""What the tests of keys share: a broker with keys, certificates, and peers that have one."""

import os
import pathlib
import socket
import threading
import time

import zmq
import zmq.auth
from zmq.utils.monitor import recv_monitor_message

from fabric_case import CommandCase
from fabric_process import DEADLINE, eventually, free_tcp, zfabric
from fabric_packets import JSON
from fabric_peers import Client, Worker, _context

LET_IN = "OK"
REFUSALS = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "broken off",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "protocol",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "key",
    zmq.EVENT_DISCONNECTED: "closed",
}


class Key:
    """A pair of keys made by `zfabric keygen`."""

    def __init__(self, folder, name, role=None, pipelines=None):
        self.name = name
        base = str(folder / name)
        options = ["--role", role] if role else []
        options += ["--pipelines", pipelines] if pipelines else []
        made = zfabric("keygen", base, *options)
        if made.status:
            raise AssertionError(made)
        self.certificate = pathlib.Path(base + ".cert")
        self.secret_file = pathlib.Path(base + ".cert_secret")
        self.public, self.secret = zmq.auth.load_certificate(self.secret_file)

    def text(self, role=None, pipelines=None, more=""):
        """A public certificate that says something else."""
        lines = ["metadata"]
        if role is not None:
            lines.append(f'    role = "{role}"')
        if pipelines is not None:
            lines.append(f'    pipelines = "{pipelines}"')
        return "\n".join([*lines, "curve", f'    public-key = "{self.public.decode()}"', more, ""])


class KeysCase(CommandCase):
    """Each test has a broker with keys over tcp: alice runs and hal serves, root is an admin."""

    def setUp(self):
        super().setUp()
        self.folder = self.scratch.path / "authorized"
        self.folder.mkdir()
        self.own = self.key("broker")
        self.alice = self.authorize(self.key("alice", "client"))
        self.hal = self.authorize(self.key("hal", "worker"))
        self.root = self.authorize(self.key("root", "admin"))

    def key(self, name, role=None, pipelines=None):
        return Key(self.scratch.path, name, role, pipelines)

    def authorize(self, key, text=None):
        """Puts a certificate into the folder, as a whole."""
        fresh = self.folder / ("." + key.name)
        fresh.write_text(key.certificate.read_text() if text is None else text)
        fresh.rename(self.folder / (key.name + ".cert"))
        return key

    def forbid(self, key):
        (self.folder / (key.name + ".cert")).unlink()

    def start_broker(self, *options, **endpoints):
        endpoints.setdefault("serve", free_tcp())
        endpoints.setdefault("listen", free_tcp())
        return super().start_broker(
            "--curve", self.own.secret_file, "--authorized", self.folder, *options, **endpoints
        )

    def wait_for_log(self, *words, count=1):
        """Lines of the broker's log that have all of the words."""

        def found():
            lines = [l for l in self.broker.err.text.splitlines() if all(w in l for w in words)]
            return lines if len(lines) >= count else None

        try:
            return eventually(found, f"{words} in the log")
        except AssertionError as problem:
            raise self.broker.report(problem) from None

    # -- peers

    def keys_of(self, key, server=None):
        return (key.public, key.secret, (server or self.own).public)

    def client_of(self, key, codec=JSON, endpoint=None, server=None, **kwargs):
        endpoint = endpoint or self.broker.client_endpoint
        return self.client(codec, endpoint, keys=self.keys_of(key, server), **kwargs)

    def stranger_of(self, key, codec=JSON, endpoint=None, **kwargs):
        endpoint = endpoint or self.broker.worker_endpoint
        return self.stranger(codec, endpoint, keys=self.keys_of(key), **kwargs)

    def worker_of(self, key, capacity=1, pipelines=None, codec=JSON, **keys):
        return self.stranger_of(key, codec).register(capacity, pipelines, **keys)

    def knock(self, endpoint, keys=None, kind=zmq.DEALER):
        """How a connection's handshake ends: LET_IN, or why not."""
        knocker = _context.socket(kind)
        knocker.linger = 0
        if keys is not None:
            knocker.curve_publickey, knocker.curve_secretkey, knocker.curve_serverkey = keys
        monitor = knocker.get_monitor_socket()
        try:
            knocker.connect(endpoint)
            end = time.monotonic() + DEADLINE
            while monitor.poll(max(0, end - time.monotonic()) * 1000):
                event = recv_monitor_message(monitor)["event"]
                if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    return LET_IN
                if event in REFUSALS:
                    return REFUSALS[event]
            raise AssertionError("neither let in nor refused")
        finally:
            knocker.disable_monitor()
            monitor.close(0)
            knocker.close(0)

    def knock_as(self, key, worker_side=False, server=None):
        broker = self.broker
        endpoint = broker.worker_endpoint if worker_side else broker.client_endpoint
        return self.knock(endpoint, self.keys_of(key, server))

    # -- the service goes on

    def good_pair(self):
        return self.client_of(self.alice), self.worker_of(self.hal, 10)

    def assert_serves(self, client, worker):
        """A task goes its way, on connections that stand and on new ones."""
        for asks, serves in ((client, worker), (self.client_of(self.alice), worker)):
            cookie = asks.run("p", {"a": 1})
            serves.finish(serves.take(cookie), {"b": 2})
            self.assertEqual(asks.expect_result("OK", cookie).document(), {"b": 2})
        self.broker.check_alive()

    def count(self, *path):
        document = self.client_of(self.root).ask("$status").document()
        for name in path:
            document = document[name]
        return document


class Relay(threading.Thread):
    """Listens on a port of its own, passes all on to a broker, and keeps what was sent to it."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        host, _, port = endpoint.rpartition("://")[2].rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = b""  # to the broker, by the first connection
        self._streams = [self._listener]
        self.start()

    def run(self):
        near, _ = self._listener.accept()
        far = socket.create_connection(self._target)
        self._streams += [near, far]
        threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()
        self._pass(near, far, True)

    def _pass(self, source, target, keep):
        try:
            while octets := source.recv(65536):
                if keep:
                    self.sent += octets
                target.sendall(octets)
        except OSError:
            pass  # one of them is gone

    def close(self):
        for stream in self._streams:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            stream.close()
