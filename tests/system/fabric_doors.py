"""What the tests of doors share: a bridge beside the broker, certificates, legacy peers."""

import re
import subprocess

import legacy_peers as legacy
from fabric_case import FabricCase
from fabric_packets import JSON, MSGPACK
from fabric_process import BINARY, eventually

CARRIERS = ("tcp", "unix", "tls")
CODECS = {"json": JSON, "msgpack": MSGPACK}


def of_pair(name):
    carrier, codec = name.split("_")
    return carrier, CODECS[codec]


class DoorCase(FabricCase):
    def setUp(self):
        super().setUp()
        self.bridge = None
        self.certificates = None

    def make_certificate(self, name="door"):
        """A self-signed certificate; (cert, key)."""
        cert, key = self.scratch.path / f"{name}.pem", self.scratch.path / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}"],
            check=True, capture_output=True,
        )  # fmt: skip
        return cert, key

    def place(self, carrier):
        if carrier == "unix":
            return f"socket://{self.scratch.file()}"
        return f"json+{carrier}://127.0.0.1:*"

    def open_doors(self, carrier="tcp", *options):
        options = list(options)
        if carrier == "tls":
            self.certificates = self.make_certificate()
            options += ["--tls-cert", self.certificates[0], "--tls-key", self.certificates[1]]
        self.open_places(self.place(carrier), self.place(carrier), *options)

    def open_places(self, serve, listen, *options):
        self.start_bridge(serve, listen, *options)

    def start_bridge(self, serve, listen, *options):
        self.bridge = self.process(
            BINARY, "bridge", "--broker", self.broker.client_endpoint,
            "--worker-broker", self.broker.worker_endpoint, "--serve", serve, "--listen", listen,
            "--drain", "100", *options,
        )  # fmt: skip
        self.bridge.wait_for_output("ready\n")
        self.addCleanup(self._close_peers)  # or it waits for them when it ends
        self.client_door, self.worker_door = self.door("clients"), self.door("workers")

    def door(self, side):
        """Where the bridge says that a door is."""
        found = lambda: re.search(f"a door for {side}: (.*)\n", self.bridge.err.text)
        return eventually(found, f"a door for {side}").group(1)

    def legacy_client(self, **keys):
        return self._peer(legacy.Client(self.client_door, **keys))

    def legacy_worker(self, capacity=1, **keys):
        """Registered: the broker knows it when this returns."""
        asker = self.client()
        before = len(asker.ask("$workers").document())
        worker = self._peer(legacy.Worker(self.worker_door)).register(capacity, **keys)
        eventually(
            lambda: len(asker.ask("$workers").document()) > before, "the worker is registered"
        )
        return worker
