"""The door for HTTP (PROTOCOL section 9), as curl, browsers, load balancers and their attackers see it."""

import http.client
import json
import pathlib
import resource
import signal
import socket
import ssl
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import each
from fabric_doors import DoorCase
from fabric_faults import memory
from fabric_packets import JSON, MSGPACK
from fabric_process import BINARY, DEADLINE, SLOW, eventually

HEAD = "GET /healthz HTTP/1.1\r\nHost: a\r\n"


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def document(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]

    def __repr__(self):
        return f"{self.status}\n{self.headers}{self.body!r}"


class Raw:
    """A connection of octets."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.sock.settimeout(DEADLINE)
        self.rest = b""

    def close(self):
        self.sock.close()

    vanish = close

    def send(self, octets):
        self.sock.sendall(octets.encode() if isinstance(octets, str) else octets)
        return self

    def read_until(self, end):
        while end not in self.rest:
            octets = self.sock.recv(1 << 16)
            if not octets:
                raise AssertionError(f"the end, after {self.rest!r}")
            self.rest += octets
        before, _, self.rest = self.rest.partition(end)
        return before

    def status(self):
        """Of the next response; its body is read."""
        head = self.read_until(b"\r\n\r\n").decode()
        length = 0
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        while len(self.rest) < length:
            octets = self.sock.recv(1 << 16)
            if not octets:
                raise AssertionError(f"the end, in a body after {self.rest!r}")
            self.rest += octets
        self.head, self.body, self.rest = head, self.rest[:length], self.rest[length:]
        return int(head.split()[1])

    def expect_closed(self):
        self.sock.settimeout(DEADLINE)
        try:
            octets = self.rest + self.sock.recv(1 << 16)
        except ConnectionResetError:
            return
        if octets:
            raise AssertionError(f"wanted the end, got {octets!r}")


class HttpCase(DoorCase):
    def open_http(self, *options, scheme="http"):
        self.bridge = self.process(
            BINARY, "bridge", "--broker", self.broker.client_endpoint,
            "--serve", f"{scheme}://127.0.0.1:*", "--drain", "100", *options,
        )  # fmt: skip
        self.bridge.wait_for_output("ready\n")
        self.addCleanup(self._close_peers)
        self.port = int(self.door("clients").rpartition(":")[2])

    def raw(self):
        return self._peer(Raw(self.port))

    def connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method, path, body=None, headers=None, connection=None):
        connection = connection or self.connection()
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response, response.read())

    def begin(self, path, body=None, headers=None):
        """A request that is under way: its connection."""
        connection = self.connection()
        connection.request("POST", path, body, headers or {})
        return connection

    def end(self, connection):
        response = connection.getresponse()
        return Answer(response, response.read())


class Running(HttpCase):
    @each("json", "msgpack")
    def test_a_result_alone(self, codec):
        self.open_http()
        worker = self.worker(codec={"json": JSON, "msgpack": MSGPACK}[codec])
        connection = self.begin("/v1/run/a%2Fb/c", '{"n": [1, "é"]}'.encode())
        run = worker.take()
        self.assertEqual(run.header["pipeline"], "a/b/c")
        self.assertEqual(run.document(), {"n": [1, "é"]})
        worker.finish(run, {"ok": True})
        answer = self.end(connection)
        self.assertEqual((answer.status, answer.document()), (200, {"ok": True}), answer)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(uuid.UUID(answer.headers["Fabric-Cookie"]), uuid.UUID(str(run.cookie)))

    def test_no_variables_and_no_result(self):
        self.open_http()
        worker = self.worker()
        connection = self.begin("/v1/run/p")
        run = worker.take()
        self.assertEqual(run.payload, b"")
        worker.finish(run)
        self.assertIsNone(self.end(connection).document())

    def test_octets_that_nobody_looks_into(self):
        self.open_http()
        worker = self.worker(codec=MSGPACK)
        octets = bytes(range(256))
        connection = self.begin(
            "/v1/run/p", octets, {"Content-Type": "application/octet-stream"}
        )
        run = worker.take()
        self.assertEqual((run.payload, run.header["encoding"]), (octets, "raw"))
        worker.finish(run, payload=octets, encoding="raw")
        answer = self.end(connection)
        self.assertEqual(answer.body, octets)
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")

    def test_options_and_fields(self):
        self.open_http()
        worker = self.worker()
        cookie = str(uuid.uuid4())
        connection = self.begin(
            "/v1/run/p?timeout=60000&wait=0&priority=9&retries=2&orphan=cancel", "1",
            {"Fabric-Cookie": cookie, "traceparent": "00-abc-def-01"},
        )  # fmt: skip
        run = worker.take()
        self.assertEqual(run.header["cookie"], cookie)
        for key, value in {"timeout": 60000, "wait": 0, "priority": 9, "retries": 2,
                           "orphan": "cancel", "traceparent": "00-abc-def-01"}.items():  # fmt: skip
            self.assertEqual(run.header[key], value)
        worker.finish(run, 1)
        self.assertEqual(self.end(connection).headers["Fabric-Cookie"], cookie)

    @each(
        ("COOKIE_COLLISION", 409), ("NO_CAPACITY", 503), ("TIMED_OUT", 504),
        ("WORKER_WENT_AWAY", 502), ("PROCESSOR_EXCEPTION", 500), ("FORBIDDEN", 403),
        ("CANCELLED", 500), ("BROKER_WENT_AWAY", 503), ("BAD_PACKET", 400),
    )  # fmt: skip
    def test_status(self, pair):
        """PROTOCOL 9: what each code is"""
        rc, status = pair
        self.open_http()
        worker = self.worker()
        connection = self.begin("/v1/run/p", "1")
        run = worker.take()
        worker.finish(run, rc=rc, error='said "no"', stacktrace=["a", "b"])
        answer = self.end(connection)
        self.assertEqual(answer.status, status)
        self.assertEqual(
            answer.document(),
            {"rc": rc, "error": 'said "no"', "stacktrace": ["a", "b"],
             "cookie": answer.headers["Fabric-Cookie"]},
        )  # fmt: skip

    def test_what_the_broker_refuses(self):
        self.open_http()
        worker = self.worker()
        answer = self.ask("POST", "/v1/run/p?timeout=0")
        self.assertEqual((answer.status, answer.document()["rc"]), (400, "BAD_PACKET"))
        self.assertIn("timeout", answer.document()["error"])
        self.assertEqual(self.ask("POST", "/v1/run/p?other=1").status, 400)
        self.assertEqual(
            self.ask("POST", "/v1/run/p", headers={"Fabric-Cookie": "x"}).status, 400
        )
        cookie = {"Fabric-Cookie": str(uuid.uuid4())}
        first = self.begin("/v1/run/p", "1", cookie)
        run = worker.take()
        self.assertEqual(self.ask("POST", "/v1/run/p", "1", cookie).status, 409)
        self.assertEqual(self.ask("POST", "/v1/run/p?wait=0", "1").status, 503)
        lines = self.ask("POST", "/v1/run/p?wait=0", "1", {"Accept": "application/x-ndjson"})
        self.assertEqual((lines.status, lines.lines[0]["rc"]), (503, "NO_CAPACITY"))
        worker.finish(run, 2)
        self.assertEqual(self.end(first).status, 200)

    def test_cancel(self):
        self.open_http()
        worker = self.worker()
        cookie = str(uuid.uuid4())
        connection = self.begin("/v1/run/p", "1", {"Fabric-Cookie": cookie})
        run = worker.take()
        answer = self.ask("DELETE", f"/v1/run/{cookie}")
        self.assertEqual((answer.status, answer.document()["rc"]), (200, "OK"))
        worker.expect("CANCEL", cookie=run.header["cookie"])
        worker.finish(run, rc="CANCELLED")
        self.assertEqual(self.end(connection).document()["rc"], "CANCELLED")
        self.assertEqual(self.ask("DELETE", f"/v1/run/{cookie}").status, 404)
        self.assertEqual(self.ask("DELETE", "/v1/run/x").status, 400)

    def test_detached(self):
        self.open_http()
        worker = self.worker()
        answer = self.ask("POST", "/v1/run/p?detach=true", "1")
        self.assertEqual(answer.status, 202)
        run = worker.take()
        self.assertEqual(str(run.header["cookie"]), answer.document()["cookie"])
        self.assertEqual(run.header["detach"], True)
        self.assertEqual(self.ask("POST", "/v1/run/p?detach&wait=0", "1").status, 503)
        worker.finish(run, 1)

    @each("application/x-ndjson", "text/event-stream", "query")
    def test_partials_leave_as_they_come(self, accept):
        self.open_http()
        worker = self.worker()
        path = "/v1/run/p?stream=true" if accept == "query" else "/v1/run/p"
        connection = self.begin(path, "1", {} if accept == "query" else {"Accept": accept})
        run = worker.take()
        response = connection.getresponse()  # before anything was said
        self.assertEqual(response.status, 200)
        self.assertTrue(response.headers["Fabric-Cookie"])
        for seq in range(3):
            worker.partial(run, {"n": seq}, seq=seq)
            if accept == "text/event-stream":
                self.assertEqual(response.readline(), b"event: partial\n")
                line = response.readline().removeprefix(b"data: ")
                self.assertEqual(response.readline(), b"\n")
            else:
                line = response.readline()
            packet = json.loads(line)
            self.assertEqual((packet["packet_type"], packet["seq"]), ("PARTIAL", seq))
            self.assertEqual(json.loads(packet["result"]), {"n": seq})
        worker.finish(run, "end")
        rest = response.read().decode()
        self.assertIn('"RESULT"', rest)
        self.assertEqual(rest.count("\n"), 3 if accept == "text/event-stream" else 1)

    def test_a_header_of_many_lines_is_one_line(self):
        """A worker may put line breaks between the members of its header."""
        self.open_http()
        worker = self.worker()
        connection = self.begin("/v1/run/p", "1", {"Accept": "application/x-ndjson"})
        run = worker.take()
        header = json.dumps(
            {"packet_type": "RESULT", "cookie": run.header["cookie"], "rc": "OK"}, indent=2
        )
        worker.send_frames(header.encode(), b"[\n1\n]")
        answer = self.end(connection)
        self.assertEqual(len(answer.body.splitlines()), 1, answer)
        self.assertEqual(json.loads(answer.lines[0]["result"]), [1])


class Legacy(HttpCase):
    def packet(self, **keys):
        return json.dumps({"packet_type": "RUN", "cookie": str(uuid.uuid4()), **keys})

    def test_a_packet_and_lines(self):
        self.open_http()
        worker = self.worker(codec=MSGPACK)
        connection = self.begin(
            "/v1/stream/stream",
            self.packet(pipeline="p", variables='{"a": 1}', stream=True, rc=None, error=None),
        )
        run = worker.take()
        self.assertEqual(run.document(), {"a": 1})
        worker.partial(run, 1, seq=0)
        worker.finish(run, rc="TIMED_OUT", error="late")
        answer = self.end(connection)
        self.assertEqual(answer.status, 200)
        self.assertEqual([line["packet_type"] for line in answer.lines], ["PARTIAL", "RESULT"])
        # Only what the legacy protocol knows.
        self.assertEqual(answer.lines[1]["rc"], "EXCEPTION")
        self.assertEqual(answer.lines[1]["error"], "TIMED_OUT: late")

    def test_what_is_no_packet(self):
        self.open_http()
        for body in ("", "{", "[]", '{"packet_type":"RUN"}', '{"cookie":"x"}'):
            answer = self.ask("POST", "/v1/stream/stream", body)
            self.assertEqual((answer.status, answer.lines[0]["rc"]), (400, "BAD_PACKET"), body)
        answer = self.ask("POST", "/v1/stream/stream", '{"packet_type":"REGISTER","capacity":1}')
        self.assertEqual(answer.lines[0]["rc"], "UNSUPPORTED_PACKET_TYPE")

    def test_cancel(self):
        self.open_http()
        worker = self.worker()
        cookie = str(uuid.uuid4())
        connection = self.begin("/v1/stream/stream", self.packet(pipeline="p", cookie=cookie))
        run = worker.take()
        answer = self.ask("POST", "/v1/stream/stream",
                          json.dumps({"packet_type": "CANCEL", "cookie": cookie}))  # fmt: skip
        self.assertEqual(answer.lines[0]["rc"], "OK")
        worker.expect("CANCEL", cookie=run.header["cookie"])
        worker.finish(run, rc="CANCELLED")
        self.assertEqual(self.end(connection).lines[0]["error"], "CANCELLED")


class Looking(HttpCase):
    def test_documents(self):
        self.open_http()
        worker = self.worker(3, name="w")
        self.assertEqual(self.ask("GET", "/v1/status").document()["slots"]["total"], 3)
        self.assertEqual(self.ask("GET", "/v1/workers").document()[0]["name"], "w")
        connection = self.begin("/v1/run/p", "1")
        run = worker.take()
        (task,) = self.ask("GET", "/v1/tasks").document()
        self.assertEqual(task["state"], "running")
        cookie = task["cookie"]
        self.assertEqual(self.ask("GET", f"/v1/explain/{cookie}").document()["state"], "running")
        self.assertEqual(self.ask("GET", f"/v1/explain/{uuid.uuid4()}").status, 404)
        self.assertEqual(self.ask("GET", "/v1/explain/x").status, 400)
        worker.finish(run, 1)
        self.end(connection)
        metrics = self.ask("GET", "/metrics")
        self.assertTrue(metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        self.assertIn(b"\nzfabric_workers 1\n", metrics.body)

    def test_health(self):
        self.open_http()
        self.assertEqual(self.ask("GET", "/healthz").status, 200)
        self.assertEqual(self.ask("GET", "/readyz").status, 503)
        worker = self.worker()
        eventually(lambda: self.ask("GET", "/readyz").status == 200, "it is ready")
        self.client().run("p")
        run = worker.take()
        self.broker.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")
        self.assertEqual(self.ask("GET", "/readyz").status, 503)
        worker.finish(run, 1)
        self.assertEqual(self.broker.wait(), 0)
        eventually(lambda: self.ask("GET", "/healthz").status == 503, "it is gone")

    def test_methods(self):
        self.open_http()
        get, head = self.ask("GET", "/v1/workers"), self.ask("HEAD", "/v1/workers")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], get.headers["Content-Length"])
        options = self.ask("OPTIONS", "/v1/run/p")
        self.assertEqual((options.status, options.headers["Allow"]), (204, "POST, DELETE, OPTIONS"))
        page = self.ask("GET", "/")
        self.assertEqual((page.status, page.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        for method, path in (("PUT", "/v1/run/p"), ("POST", "/v1/status"), ("DELETE", "/healthz"),
                             ("GET", "/v1/run/p")):  # fmt: skip
            answer = self.ask(method, path)
            self.assertEqual(answer.status, 405)
            self.assertTrue(answer.headers["Allow"])
        for path in ("/nothing", "/v1/run/", "/v1", "/v1/statusx", "//v1/status"):
            self.assertEqual(self.ask("GET", path).status, 404, path)


class Watching(HttpCase):
    def events(self, raw):
        """The next events of a stream, by name."""
        while True:
            text = raw.read_until(b"\n\n").decode()
            lines = text.split("\n")
            name = next(line for line in lines if line.startswith("event: "))
            data = next(line for line in lines if line.startswith("data: "))
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    def test_documents_again_and_again(self):
        self.open_http()
        raw = self.raw().send("GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b"text/event-stream", raw.read_until(b"\r\n\r\n"))
        events = self.events(raw)
        names = [next(events)[0] for _ in range(4)]
        self.assertEqual(names, ["status", "metrics", "workers", "tasks"])
        worker = self.worker(name="w")
        while not (event := next(events))[1] or event[0] != "workers":
            pass
        self.assertEqual(event[1][0]["name"], "w")
        # The broker goes, and the stream says so; the bridge goes, and the stream ends.
        worker.vanish()
        self.broker.signal(signal.SIGTERM)
        while (event := next(events))[0] != "problem":
            pass
        self.assertEqual(event[1]["failure"]["rc"], "BROKER_WENT_AWAY")
        self.bridge.signal(signal.SIGTERM)
        raw.read_until(b"\r\n0\r\n\r\n")
        self.assertEqual(self.bridge.wait(), 0)


class Described(HttpCase):
    """That /openapi.json is true."""

    def schema(self, document, schema):
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def fits(self, document, schema, value, where):
        schema = self.schema(document, schema)
        if value is None and schema.get("nullable"):
            return
        kinds = {"object": dict, "array": list, "string": str}
        if "type" in schema:
            self.assertIsInstance(value, kinds[schema["type"]], where)
        if "enum" in schema:
            self.assertIn(value, schema["enum"], where)
        for name in schema.get("required", ()):
            self.assertIn(name, value, where)
        if schema.get("additionalProperties") is False:
            self.assertEqual(set(value) - set(schema["properties"]), set(), where)
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                self.fits(document, inner, value[name], f"{where}.{name}")
        if isinstance(value, list) and "items" in schema:
            for item in value:
                self.fits(document, schema["items"], item, where)

    def check(self, document, template, answer, method):
        """The answer's status and type are described, and its body fits."""
        responses = document["paths"][template][method.lower()]["responses"]
        where = f"{method} {template}: {answer.status}"
        self.assertIn(str(answer.status), responses, where)
        described = responses[str(answer.status)]["content"]
        media = answer.headers["Content-Type"].partition(";")[0]
        self.assertIn(media, described, where)
        if media == "application/json":
            self.fits(document, described[media]["schema"], answer.document(), where)
        elif media == "application/x-ndjson":
            for line in answer.lines:
                self.fits(document, described[media]["schema"], line, where)
        self.seen.add((method.lower(), template))

    def test_what_it_says(self):
        self.seen = set()
        self.open_http()
        worker = self.worker()
        document = self.ask("GET", "/openapi.json").document()
        known = {(method, path) for path, item in document["paths"].items() for method in item}
        cookie = str(uuid.uuid4())
        for template in document["paths"]:
            path = template.replace("{cookie}", cookie)
            if template == "/v1/events":  # it has no end
                self.check(document, template, self.ask("HEAD", path), "GET")
            elif "get" in document["paths"][template]:
                self.check(document, template, self.ask("GET", path), "GET")
        self.check(document, "/v1/run/{task}", self.ask("DELETE", f"/v1/run/{cookie}"), "DELETE")
        self.check(document, "/v1/stream/stream", self.ask("POST", "/v1/stream/stream", "{"), "POST")
        for rc in document["components"]["schemas"]["Code"]["enum"]:
            if rc in ("UNSUPPORTED_PACKET_TYPE", "COOKIE_NOT_FOUND"):
                continue  # no RUN ends with it
            for accept in ("application/json", "application/x-ndjson"):
                connection = self.begin("/v1/run/p", "1", {"Accept": accept})
                run = worker.take()
                worker.finish(run, 1, rc=rc)
                if accept == "application/json":
                    self.check(document, "/v1/run/{task}", self.end(connection), "POST")
                else:
                    self.end(connection)
        self.assertEqual(self.seen, known)

    def test_parameters(self):
        """Each is known, and no other."""
        self.open_http()
        worker = self.worker()
        document = self.ask("GET", "/openapi.json").document()
        parameters = document["paths"]["/v1/run/{task}"]["post"]["parameters"]
        for parameter in parameters:
            if parameter["in"] == "query":
                schema = parameter["schema"]
                value = schema.get("minimum", schema.get("enum", ["true"])[0] if "minimum" not in schema else 0)
                answer = self.ask("POST", f"/v1/run/$ping?{parameter['name']}={value}")
                self.assertIn(answer.status, (200, 202), parameter["name"])
                if "maximum" in schema:
                    over = schema["maximum"] + 1
                    answer = self.ask("POST", f"/v1/run/$ping?{parameter['name']}={over}")
                    self.assertEqual(answer.status, 400)
        worker.expect_nothing()


class Connections(HttpCase):
    def test_one_after_the_other(self):
        self.open_http()
        connection = self.connection()
        for _ in range(3):
            self.assertEqual(self.ask("GET", "/healthz", connection=connection).status, 200)
            self.assertEqual(self.ask("GET", "/v1/status", connection=connection).status, 200)
            self.assertEqual(self.ask("GET", "/nothing", connection=connection).status, 404)

    def test_pipelined(self):
        """Answered in order, each when the one before it is."""
        self.open_http()
        worker = self.worker()
        raw = self.raw()
        run = "POST /v1/run/p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
        raw.send(f"{HEAD}\r\n{run}1{run}2{HEAD}Connection: close\r\n\r\n")
        self.assertEqual(raw.status(), 200)
        first = worker.take()
        worker.finish(first, first.document())
        second = worker.take()
        worker.finish(second, second.document())
        self.assertEqual((raw.status(), raw.body), (200, b"1"))
        self.assertEqual((raw.status(), raw.body), (200, b"2"))
        self.assertEqual(raw.status(), 200)
        raw.expect_closed()

    def test_expect(self):
        self.open_http()
        worker = self.worker()
        raw = self.raw()
        raw.send("POST /v1/run/p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(raw.status(), 100)
        raw.send("[1]")
        worker.finish(worker.take(), 2)
        self.assertEqual(raw.status(), 200)
        # What is refused is not asked to go on.
        raw.send("POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(raw.status(), 404)
        raw.expect_closed()
        raw = self.raw().send(f"{HEAD}Expect: other\r\n\r\n")
        self.assertEqual(raw.status(), 417)

    def test_chunked(self):
        self.open_http()
        worker = self.worker()
        raw = self.raw()
        raw.send("POST /v1/run/p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for octet in "2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n":
            raw.send(octet)
        run = worker.take()
        self.assertEqual(run.document(), [1])
        worker.finish(run, 2)
        self.assertEqual(raw.status(), 200)

    def test_http_1_0(self):
        self.open_http()
        raw = self.raw().send("GET /healthz HTTP/1.0\r\n\r\n")
        self.assertEqual(raw.status(), 200)
        raw.expect_closed()
        worker = self.worker()
        raw = self.raw()
        raw.send("POST /v1/run/p?stream HTTP/1.0\r\nContent-Length: 1\r\n\r\n1")
        run = worker.take()
        worker.partial(run, 1, seq=0)
        worker.finish(run, 2)
        head = raw.read_until(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head)
        self.assertIn(b'"PARTIAL"', raw.read_until(b"\n"))
        self.assertIn(b'"RESULT"', raw.read_until(b"\n"))
        raw.expect_closed()

    def test_half_closed(self):
        """Questions are answered still."""
        self.open_http()
        raw = self.raw().send(f"{HEAD}\r\n{HEAD}\r\n")
        raw.sock.shutdown(socket.SHUT_WR)
        self.assertEqual((raw.status(), raw.status()), (200, 200))
        raw.expect_closed()

    @each("waiting", "streaming", "with_more_behind_it")
    def test_who_hangs_up_has_gone_away(self, when):
        """PROTOCOL 9 and 5.7, within a second, also when nothing is being written"""
        self.open_http()
        worker = self.worker()
        raw = self.raw()
        raw.send(
            f"POST /v1/run/p?orphan=cancel&stream={int(when == 'streaming')} HTTP/1.1\r\nHost: a\r\n"
            "Content-Length: 1\r\n\r\n1"
        )
        run = worker.take()
        if when == "streaming":
            worker.partial(run, 1, seq=0)
            raw.read_until(b"PARTIAL")
        elif when == "with_more_behind_it":
            raw.send(f"{HEAD}\r\n" * 2)
            time.sleep(0.05)  # so that it has come; it fails no test if it has not
        raw.close()
        worker.expect("CANCEL", cookie=run.header["cookie"])
        worker.finish(run, rc="CANCELLED")

    def test_connections_in_all(self):
        self.open_http("--http-connections", "2")
        one, two = self.raw().send(f"{HEAD}\r\n"), self.raw().send(f"{HEAD}\r\n")
        self.assertEqual((one.status(), two.status()), (200, 200))
        three = self.raw()
        self.assertEqual(three.status(), 503)
        three.expect_closed()
        one.close()
        eventually(lambda: self.raw().send(f"{HEAD}\r\n").status() == 200, "there is room again")


class Hostile(HttpCase):
    def refused(self, octets, status=400):
        raw = self.raw().send(octets)
        self.assertEqual(raw.status(), status, octets)
        raw.expect_closed()

    def test_requests_that_two_could_read_in_two_ways(self):
        self.open_http()
        worker = self.worker()
        post = "POST /v1/run/p HTTP/1.1\r\nHost: a\r\n"
        for fields in (
            "Content-Length: 1\r\nContent-Length: 1\r\n\r\n1",
            "Content-Length: +1\r\n\r\n1",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
            "Transfer-Encoding: xchunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked, identity\r\n\r\n1\r\n1\r\n0\r\n\r\n",
            "Transfer-Encoding : chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
            "Host: b\r\n\r\n",
            "A: b\r\n folded\r\n\r\n",
            "A: b\n\r\n",
        ):
            self.refused(post + fields)
        self.refused("POST /v1/run/p HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        self.refused("POST /v1/run/p HTTP/1.1\nHost: a\n\n")
        self.refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
        self.refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        self.refused(legacy_frame())
        worker.expect_nothing()

    def test_limits(self):
        self.open_http("--max-payload", "1000")
        worker = self.worker()
        self.refused(f"{HEAD}A: {'b' * 70000}\r\n\r\n", 431)
        self.refused(f"{HEAD}" + "A: b\r\n" * 200 + "\r\n", 431)
        post = "POST /v1/run/p HTTP/1.1\r\nHost: a\r\n"
        self.refused(f"{post}Content-Length: 1001\r\n\r\n", 413)
        chunk = f"{500:x}\r\n{'1' * 500}\r\n"
        self.refused(f"{post}Transfer-Encoding: chunked\r\n\r\n{chunk * 3}", 413)
        connection = self.begin("/v1/run/p", "1" * 1000)
        worker.finish(worker.take(), 1)
        self.assertEqual(self.end(connection).status, 200)

    @each("head", "body", "chunk")
    def test_what_drips_in(self, what):
        self.open_http("--http-timeout", "400")
        begun = {
            "head": "GET /healthz HT",
            "body": "POST /v1/run/p HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n1",
            "chunk": "POST /v1/run/p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n999\r\n1",
        }[what]
        raw = self.raw().send(begun)
        deadline = time.monotonic() + DEADLINE
        raw.sock.settimeout(0.05)
        while time.monotonic() < deadline:  # each octet gives it no more time
            try:
                if raw.sock.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                raw.send("1")
        raw.sock.settimeout(DEADLINE)
        self.assertEqual(raw.status(), 408)
        raw.expect_closed()

    def test_pages_of_other_origins(self):
        self.open_http()
        evil = {"Origin": "http://evil.example"}
        self.assertEqual(self.ask("POST", "/v1/run/p", "1", evil).status, 403)
        self.assertEqual(self.ask("POST", "/v1/run/p", "1", {"Origin": "null"}).status, 403)
        same = {"Origin": f"http://127.0.0.1:{self.port}"}
        self.assertEqual(self.ask("GET", "/healthz", headers=same).status, 200)

    def test_pages_that_have_made_their_name_this_hosts(self):
        """Rebinding: a name that somebody points at loopback makes no page the door's own"""
        self.open_http()
        evil = {"Host": f"evil.example:{self.port}"}
        evil_page = {**evil, "Origin": f"http://evil.example:{self.port}"}
        for headers in (evil, evil_page):
            self.assertEqual(self.ask("POST", "/v1/run/p?wait=0", "1", headers).status, 403)
            self.assertEqual(self.ask("GET", "/v1/tasks", headers=headers).status, 403)
            self.assertEqual(self.ask("GET", "/", headers=headers).status, 403)
        self.assertEqual(self.ask("GET", "/healthz", headers=evil).status, 200)
        near = {"Host": f"localhost:{self.port}"}
        self.assertEqual(self.ask("GET", "/v1/tasks", headers=near).status, 200)

    def test_names_that_it_is_known_by(self):
        self.open_http("--http-origin", "http://fleet.example")
        named = {"Host": "fleet.example"}
        self.assertEqual(self.ask("GET", "/v1/tasks", headers=named).status, 200)

    def test_pages_that_may(self):
        self.open_http("--http-origin", "https://fleet.example")
        page = {"Origin": "https://fleet.example"}
        answer = self.ask("GET", "/healthz", headers=page)
        self.assertEqual(
            (answer.status, answer.headers["Access-Control-Allow-Origin"]),
            (200, "https://fleet.example"),
        )
        answer = self.ask("OPTIONS", "/v1/run/p", headers=page)
        self.assertEqual(answer.status, 204)
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        self.assertIn("Authorization", answer.headers["Access-Control-Allow-Headers"])
        self.assertEqual(
            self.ask("GET", "/healthz", headers={"Origin": "https://other"}).status, 403
        )

    def test_many_streams(self):
        """1,000 at once, in less than 100 MiB"""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.open_http()
        worker = self.worker(1000)
        raws = [
            self.raw().send(
                "POST /v1/run/p?stream HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"
            )
            for _ in range(1000)
        ]
        runs = [worker.take() for _ in range(1000)]
        for run in runs:
            worker.partial(run, "x" * 100, seq=0)
        for raw in raws:
            raw.read_until(b"PARTIAL")
        if SLOW == 1:  # a sanitizer's own memory is not the bridge's
            self.assertLess(memory(self.bridge.pid), 100 << 20)
        for run in runs:
            worker.finish(run, 1)
        for raw in raws:
            raw.read_until(b"0\r\n\r\n")


def legacy_frame():
    return b"\x00\x00\x00\x02{}"


class Guarded(HttpCase):
    TOKEN = "a-token-of-enough-octets"

    def token_file(self, text=TOKEN + "\n"):
        path = self.scratch.path / "token"
        path.touch(0o600)
        path.write_text(text)
        return path

    def bearer(self, token=TOKEN):
        return {"Authorization": f"Bearer {token}"}

    def test_token(self):
        path = self.token_file()
        self.open_http("--http-token", path)
        self.worker()
        self.assertEqual(self.ask("GET", "/healthz").status, 200)
        for headers in ({}, self.bearer("other"), self.bearer(""), self.bearer(self.TOKEN + "x"),
                        self.bearer(self.TOKEN[:-1]), {"Authorization": self.TOKEN},
                        {"Authorization": f"Basic {self.TOKEN}"}):  # fmt: skip
            for method, where in (("GET", "/v1/status"), ("GET", "/metrics"), ("GET", "/readyz"),
                                  ("POST", "/v1/run/p"), ("GET", "/nothing")):  # fmt: skip
                answer = self.ask(method, where, headers=headers)
                self.assertEqual(answer.status, 401, where)
                self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
        page = self.ask("GET", "/")  # where the token is typed in
        self.assertEqual(page.status, 401)
        self.assertIn(b"<script>", page.body)
        self.assertEqual(self.ask("GET", "/v1/status", headers=self.bearer()).status, 200)
        path.write_text("another-token-of-enough-octets")
        self.bridge.signal(signal.SIGHUP)
        self.assertTrue(self.bridge.err.wait_for("read again"))
        self.assertEqual(self.ask("GET", "/v1/status", headers=self.bearer()).status, 401)

    def test_tokens_that_are_none(self):
        for text, mode, words in (
            ("short", 0o600, "16 to 512"),
            ("with spaces in between", 0o600, "spaces"),
            (self.TOKEN, 0o644, "chmod"),
        ):
            path = self.token_file(text)
            path.chmod(mode)
            bridge = self.process(
                BINARY, "bridge", "--serve", "http://127.0.0.1:*", "--http-token", path
            )
            self.assertEqual(bridge.wait(), 1)
            self.assertIn(words, bridge.err.text)

    def test_beyond_loopback(self):
        for options in ((), ("--tls-cert", "x", "--tls-key", "y")):
            scheme = "https" if options else "http"
            if options:
                cert, key = self.make_certificate()
                options = ("--tls-cert", cert, "--tls-key", key)
            bridge = self.process(BINARY, "bridge", "--serve", f"{scheme}://0.0.0.0:*", *options)
            self.assertEqual(bridge.wait(), 1)
            self.assertIn("--http-token", bridge.err.text)

    def test_no_door_for_workers(self):
        bridge = self.process(BINARY, "bridge", "--listen", "http://127.0.0.1:*")
        self.assertEqual(bridge.wait(), 1)
        self.assertIn("workers", bridge.err.text)

    def test_https(self):
        cert, key = self.make_certificate()
        self.open_http("--tls-cert", cert, "--tls-key", key, scheme="https")
        worker = self.worker()
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=DEADLINE, context=context
        )
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/run/p", "x" * 1_000_000,
                           {"Content-Type": "application/octet-stream"})  # fmt: skip
        run = worker.take()
        worker.finish(run, "y" * 1_000_000)
        answer = self.end(connection)
        self.assertEqual(answer.document(), "y" * 1_000_000)

    def test_doors_of_the_broker_itself(self):
        self.bridge = self.start(
            serve=[self.scratch.ipc(), "http://127.0.0.1:*", f"http+unix://{self.scratch.file()}"]
        )
        self.addCleanup(self._close_peers)
        self.port = int(self.door("clients").rpartition(":")[2])
        worker = self.worker()
        connection = self.begin("/v1/run/p", "[1]")
        worker.finish(worker.take(), 2)
        self.assertEqual(self.end(connection).document(), 2)


if __name__ == "__main__":
    unittest.main()
