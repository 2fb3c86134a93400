"""The header keys of PROTOCOL section 2: each one's type and range, null as absent."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs
from fabric_packets import MSGPACK, new_cookie

NOT_BOOLEANS = ("true", 1, 0, [True], {})
NOT_STRINGS = (1, 1.5, True, ["a"], {"a": "b"})
BEYOND = -1  # no unsigned key takes it


def not_integers(good):
    return (str(good), good + 0.5, True, [good], {"a": good})


# PROTOCOL 2, "Header keys": what a RUN may say, and what it may not.
RUN_GOOD = {
    "encoding": ("json", "msgpack", "raw"),
    "detach": (True, False),
    "stream": (True, False),
    "timeout": (60000, 2**31, 2**53, 2**64 - 1),
    "wait": (0, 1, 2**31, 2**53, 2**64 - 1),
    "priority": tuple(range(10)),
    "retries": (0, 1, 100),
    "orphan": ("finish", "cancel"),
    "pipeline": ("p", "p" * 255, "\u00e9" * 127, "\U0001f600" * 63, "a b", "a.b/c-d_e", "*", "\\", '"'),
}
RUN_BAD = {
    "packet_type": (1, True, ["RUN"], {}),
    "encoding": ("JSON", "text", "", *NOT_STRINGS),
    "detach": NOT_BOOLEANS,
    "stream": NOT_BOOLEANS,
    "timeout": (0, BEYOND, *not_integers(1000)),
    "wait": (BEYOND, *not_integers(1000)),
    "priority": (BEYOND, 10, 256, 261, 2**32 + 5, *not_integers(5)),
    "retries": (BEYOND, 101, 256, 2**32, *not_integers(5)),
    "orphan": ("Finish", "kill", "", *NOT_STRINGS),
    "pipeline": (
        *("", "p" * 256, "\u00e9" * 128, "\U0001f600" * 64),
        *("a\nb", "\ta", "a\0", "\x1f", "a\x7fb"),
        *NOT_STRINGS,
    ),
    "variables": (1, 1.5, True, [], {}, {"a": 1}),
}
A_COOKIE = "0d3b7a5c-8e1f-4a6b-9c2d-1e0f5a4b3c2d"
COOKIES_BAD = (
    *("", A_COOKIE[:-1], A_COOKIE + "0", A_COOKIE.replace("-", ""), "{" + A_COOKIE[1:-1] + "}"),
    *(A_COOKIE[:-1] + "g", A_COOKIE.replace("-", "_"), "0d3b7a5c8-e1f-4a6b-9c2d-1e0f5a4b3c2d"),
    *("\u00e9" * 18, " " + A_COOKIE[1:]),
    *NOT_STRINGS,
)
REGISTER_BAD = {
    "capacity": (BEYOND, 65536, 2**32, 2**32 + 1, *not_integers(4)),
    "pipelines": (
        *([], ["a"] * 1025, ["$a"], ["a", "$*"], ["a", 1], ["a", None], [["a"]]),
        *([""], ["p" * 256], ["a\nb"], "a", 1, True, {}, {"a": "b"}),
    ),
    "name": NOT_STRINGS,
    "heartbeat": (99, 0, BEYOND, *not_integers(1000)),
}
RESULT_BAD = {
    "rc": NOT_STRINGS,
    "error": NOT_STRINGS,
    "stacktrace": ("a line", 1, True, {}, [1], ["a", None], [["a"]]),
    "result": (1, 1.5, True, [], {}),
    "encoding": ("xml", 1),
}
PARTIAL_BAD = {
    "seq": (BEYOND, *not_integers(1)),
    "result": (1, True, [], {}),
    "encoding": ("xml", 1),
}


class KeysOfARun(FabricCase):
    def accepted(self, client, worker, **header):
        """The RUN reaches the worker; its header there."""
        cookie = client.run(header.pop("pipeline", "p"), cookie=new_cookie(), **header)
        run = worker.take(cookie)
        worker.finish(cookie)
        worker.sync()
        client.sync()
        return run.header

    @both_codecs
    def test_every_value_in_range_is_taken_and_passed_on(self, codec):
        """PROTOCOL 2, header keys"""
        client, worker = self.pair(codec)
        for key, values in RUN_GOOD.items():
            for value in values:
                with self.subTest(key=key, value=value):
                    self.assertEqual(self.accepted(client, worker, **{key: value})[key], value)

    @both_codecs
    def test_every_value_of_the_wrong_type_or_out_of_range_is_refused(self, codec):
        """PROTOCOL 2: a key of the wrong type or out of range makes a bad packet"""
        client, worker = self.pair(codec)
        for key, values in RUN_BAD.items():
            for value in values:
                with self.subTest(key=key, value=value):
                    self.refuses(client, key, value)
        worker.expect_nothing()

    def refuses(self, client, key, value):
        cookie = new_cookie()
        good = {"packet_type": "RUN", "cookie": cookie, "pipeline": "p"}
        client.send({**good, key: value})
        answer = client.recv()
        self.assert_bad(answer, key)
        self.assert_same_cookies([answer], [cookie])

    @both_codecs
    def test_a_malformed_cookie_is_refused(self, codec):
        """PROTOCOL 2, header keys: cookie"""
        client, worker = self.pair(codec)
        bad = list(COOKIES_BAD)
        if codec == MSGPACK:
            bad += [b"", b"x" * 15, b"x" * 17, A_COOKIE.encode(), "x" * 16]
        for cookie in bad:
            with self.subTest(cookie=cookie):
                client.send({"packet_type": "RUN", "cookie": cookie, "pipeline": "p"})
                self.assert_bad(client.recv(), "cookie")
        worker.expect_nothing()

    @both_codecs
    def test_null_is_as_good_as_absent(self, codec):
        """PROTOCOL 2: a key whose value is null is as good as absent"""
        client, worker = self.pair(codec)
        keys = set(RUN_GOOD) | {"variables", "capacity", "pipelines", "name", "heartbeat", "rc"}
        keys |= {"error", "stacktrace", "result", "seq"}
        nulls = dict.fromkeys(keys - {"pipeline"})
        cookie = client.run("p", payload=b"{}", **nulls)
        worker.finish(worker.take(cookie), payload=b"{}", **nulls | {"rc": "OK"})
        client.expect_result("OK", cookie)

    @both_codecs
    def test_a_key_that_the_type_needs_must_be_there_and_not_null(self, codec):
        """PROTOCOL 4, BAD_PACKET: lacks a key that its type needs; `error` names the key"""
        client = self.client(codec)
        run = {"packet_type": "RUN", "cookie": A_COOKIE, "pipeline": "p"}
        cancel = {"packet_type": "CANCEL", "cookie": A_COOKIE}
        for packet, keys in ((run, run.keys()), (cancel, ["cookie"])):
            for key in keys:
                for header in ({**packet, key: None}, {k: packet[k] for k in packet if k != key}):
                    with self.subTest(header=header):
                        client.send(header)
                        self.assert_bad(client.recv(), key)

    def test_a_known_key_is_checked_in_every_type_of_packet(self):
        """PROTOCOL 2: a key of the wrong type or out of range makes a bad packet"""
        client = self.client()
        for key, value in (("capacity", -1), ("seq", "1"), ("heartbeat", 99), ("name", 1)):
            with self.subTest(key=key):
                self.refuses(client, key, value)

    @both_codecs
    def test_unknown_keys_are_passed_on(self, codec):
        """PROTOCOL 2: unknown keys are kept and passed on"""
        client, worker = self.pair(codec)
        extra = {
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "Cookie": 1,
            "": [],
            "x": {"deep": [1, -1.5, True, None, "\u00e9"]},
        }
        cookie = client.run("p", **extra)
        run = worker.take(cookie)
        self.assertEqual({k: run.header.get(k) for k in extra}, extra)
        worker.finish(run, **extra)
        result = client.expect_result("OK", cookie)
        self.assertEqual({k: result.header.get(k) for k in extra}, extra)

    @both_codecs
    def test_a_cookie_is_taken_in_any_letter_case(self, codec):
        """PROTOCOL 2, header keys: cookie"""
        client, worker = self.pair(codec)
        for cookie in (A_COOKIE.upper(), A_COOKIE[:18].upper() + A_COOKIE[18:], "0" * 8 + A_COOKIE[8:]):
            with self.subTest(cookie=cookie):
                client.run("p", cookie=cookie)
                run = worker.take(cookie)
                worker.finish(run.header["cookie"].swapcase())
                client.expect_result("OK", cookie)

    def test_a_msgpack_cookie_may_be_sixteen_octets(self):
        """PROTOCOL 2, header keys: cookie"""
        client, worker = self.pair(MSGPACK)
        octets = bytes(range(0x10, 0x20))
        text = "10111213-1415-1617-1819-1a1b1c1d1e1f"
        for asked, answered in ((octets, text), (text, octets), (octets, octets)):
            with self.subTest(asked=asked, answered=answered):
                client.run("p", cookie=asked)
                worker.take(text)
                worker.finish(answered)
                client.expect_result("OK", text)


class KeysOfAWorker(FabricCase):
    @both_codecs
    def test_register_takes_every_value_in_range(self, codec):
        """PROTOCOL 2, header keys: capacity, pipelines, name, heartbeat"""
        worker = self.stranger(codec)
        worker.register(0, ["a"])
        worker.register(65535, ["*"], name="")
        worker.register(1, ["a*", "b", "p" * 255], name="w\u00f6rker", heartbeat=600000)
        worker.register(1, [f"p{i}" for i in range(1024)], heartbeat=2**53)

    @both_codecs
    def test_register_refuses_the_wrong_type_and_range_and_registers_nobody(self, codec):
        """PROTOCOL 2, header keys; section 4, BAD_PACKET"""
        worker = self.stranger(codec)
        good = {"packet_type": "REGISTER", "capacity": 1, "pipelines": ["*"]}
        for key, values in REGISTER_BAD.items():
            for value in values:
                with self.subTest(key=key, value=f"{value!r:.60}"):
                    worker.send({**good, key: value})
                    self.assert_bad(worker.recv(), key)
        with self.subTest("capacity is not there"):
            worker.send({"packet_type": "REGISTER", "pipelines": ["*"]})
            self.assert_bad(worker.recv(), "capacity")
        self.assertEqual(self.client().ask("p", wait=0).rc, "NO_CAPACITY")

    @both_codecs
    def test_a_bad_result_or_partial_is_refused_and_the_task_goes_on(self, codec):
        """PROTOCOL 2, header keys; section 4, BAD_PACKET"""
        client, worker = self.pair(codec)
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        packets = (("RESULT", {"rc": "OK"}, RESULT_BAD), ("PARTIAL", {"seq": 0}, PARTIAL_BAD))
        for packet_type, keys, bad in packets:
            for key, value in ((k, v) for k, values in bad.items() for v in values):
                with self.subTest(packet_type=packet_type, key=key, value=value):
                    worker.send({"packet_type": packet_type, "cookie": cookie, **keys, key: value})
                    self.assert_bad(worker.recv(), key)
        client.expect_nothing()
        worker.finish(cookie)
        client.expect_result("OK", cookie)

    @both_codecs
    def test_a_result_or_partial_must_have_what_its_type_needs(self, codec):
        """PROTOCOL 4, BAD_PACKET: lacks a key that its type needs"""
        client, worker = self.pair(codec)
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        for header, key in (
            ({"packet_type": "RESULT", "rc": "OK"}, "cookie"),
            ({"packet_type": "RESULT", "rc": "OK", "cookie": None}, "cookie"),
            ({"packet_type": "RESULT", "cookie": cookie}, "rc"),
            ({"packet_type": "RESULT", "cookie": cookie, "rc": None}, "rc"),
            ({"packet_type": "RESULT", "cookie": cookie, "rc": "FINE"}, "rc"),
            ({"packet_type": "PARTIAL", "seq": 0}, "cookie"),
            ({"cookie": cookie, "rc": "OK"}, "packet_type"),
        ):
            with self.subTest(header=header):
                worker.send(header)
                self.assert_bad(worker.recv(), key)
        client.expect_nothing()
        worker.finish(cookie)
        client.expect_result("OK", cookie)

    def test_a_worker_that_names_no_pipelines_serves_all(self):
        """PROTOCOL 2, header keys: pipelines, default ["*"]"""
        client, worker = self.client(), self.stranger()
        worker.register(1, None)
        worker.take(client.run("whatever.it.is"))


if __name__ == "__main__":
    unittest.main()
