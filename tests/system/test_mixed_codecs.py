"""JSON and msgpack peers in one fabric (PROTOCOL section 6)."""

import base64
import math
import pathlib
import random
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import msgpack

from fabric_case import FabricCase, both_codecs
from fabric_packets import BOTH, JSON, MSGPACK, encode, other

DOCUMENTS = (
    *(None, True, False, 0, "", [], {}, "text", {"a": {}}, [[]], {"": ""}, [None]),
    *(1, -1, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, -32768, -32769, 2**31, -(2**31)),
    *(2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), -(2**63) + 1),
    *(0.5, -0.5, 0.1, 1 / 3, 5e-324, -5e-324, 2.2250738585072014e-308, -1e-7, 1.5e-300),
    *(123456789.123456789, 4503599627370495.5, 4.35, 0.1 + 0.2, 1e15 + 0.3),
    *("\0", "a\0b", "\"\\/\b\f\n\r\t\x1f\x7f", "\u00e9\u20ac\U0001f600", "x" * 70000),
    "\u2028\u2029\ufeff\uffff",
    *({"\0": 1, "\u00e9": [{"b": [1.5, None]}]}, {"a b": 1, "$x": 2, "\"": 3}),
    *([1] * 16, list(range(70000)), {f"k{i}": i for i in range(20)}, {f"k{i}": i for i in range(70000)}),
)


def nested(depth):
    document = []
    for level in range(depth):
        document = [document] if level % 2 else {"d": document}
    return document


def same(one, two):
    """Whether two documents say the same: 1 is not 1.0 is not True, -0.0 is not 0.0."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return one == two and math.copysign(1, one) == math.copysign(1, two)
    return type(one) is type(two) and one == two


class MixedCase(FabricCase):
    def mixed(self, client_codec, capacity=1):
        return self.pair(client_codec, other(client_codec), capacity)

    def assert_same(self, got, wanted):
        self.assertTrue(same(got, wanted), f"{got!r:.200} is not {wanted!r:.200}")

    def there_and_back(self, client, worker, payload, answer=None, **keys):
        """One task: what the worker got, and the RESULT for the payload `answer`."""
        cookie = client.run("p", payload=payload, **keys)
        run = worker.take(cookie)
        if answer is None:
            answer = encode(run.document(), worker.codec)
        worker.finish(run, payload=answer)
        return run, client.expect_result("OK", cookie)


class Documents(MixedCase):
    @both_codecs
    def test_every_document_crosses_both_ways_and_says_the_same(self, codec):
        """PROTOCOL 6: maps, arrays, strings, booleans, null and numbers map to each other"""
        client, worker = self.mixed(codec)
        for document in (*DOCUMENTS, nested(100)):
            with self.subTest(document=f"{document!r:.60}"):
                run, result = self.there_and_back(client, worker, encode(document, codec))
                self.assertEqual(run.encoding, worker.codec)
                self.assert_same(run.document(), document)
                self.assertEqual(result.encoding, codec)
                self.assert_same(result.document(), document)

    @both_codecs
    def test_generated_documents_cross_both_ways(self, codec):
        """PROTOCOL 6"""
        client, worker = self.mixed(codec)
        seed = 20260117
        world = random.Random(seed)
        for number in range(400):
            document = self.generated(world, 5)
            with self.subTest(seed=seed, number=number):
                run, result = self.there_and_back(client, worker, encode(document, codec))
                self.assert_same(run.document(), document)
                self.assert_same(result.document(), document)

    def generated(self, world, depth):
        kind = world.randrange(8 if depth else 6)
        if kind == 0:
            return world.choice((None, True, False))
        if kind == 1:
            return world.randrange(-(2**63), 2**64) >> world.randrange(64)
        if kind == 2:
            # any finite double that is not a whole number: whether 3.0 stays a float is not said
            value = struct.unpack("d", world.randbytes(8))[0]
            return value if math.isfinite(value) and value % 1 else 0.25
        if kind < 6:
            return "".join(chr(world.choice((0x20, 0x7E, 0xE9, 0x4E00, 0x1F600, 9, 0))) for _ in range(kind))
        if kind == 6:
            return [self.generated(world, depth - 1) for _ in range(world.randrange(6))]
        return {f"k{i}": self.generated(world, depth - 1) for i in range(world.randrange(6))}

    @both_codecs
    def test_whole_floats_keep_their_value(self, codec):
        """PROTOCOL 6: floats keep their value"""
        client, worker = self.mixed(codec)
        huge = (2.0**63, 2.0**64, 1e21, 1e300, -1e22, sys.float_info.max)
        for value in (0.0, -0.0, 1.0, -3.0, 1e16, *huge):
            with self.subTest(value=value):
                run, result = self.there_and_back(client, worker, encode([value], codec))
                for packet in (run, result):
                    (got,) = packet.document()
                    self.assertEqual(got, value)
                    self.assertEqual(math.copysign(1, got), math.copysign(1, value))

    def test_a_json_integer_out_of_range_becomes_a_float(self):
        """PROTOCOL 6: integers keep every digit from -2^63 to 2^64-1; outside a float"""
        client, worker = self.mixed(JSON)
        for value in (2**64, -(2**63) - 1, 2**64 + 12345, -(2**64), 10**30, -(10**300)):
            with self.subTest(value=value):
                run, _ = self.there_and_back(client, worker, encode(value, JSON))
                self.assert_same(run.document(), float(value))

    def test_json_numbers_are_read_however_they_are_spelled(self):
        """PROTOCOL 6: numbers map to each other"""
        client, worker = self.mixed(JSON)
        text = b'\t[ 1e2 , 1E+2, 10e-1, -0.0, 0.10, 1.5e0, 123e-2, -1.25E2 ]\r\n'
        run, _ = self.there_and_back(client, worker, text)
        got = run.document()
        self.assertEqual(got, [100, 100, 1, 0, 0.1, 1.5, 1.23, -125])
        self.assertEqual(math.copysign(1, got[3]), -1)

    def test_every_width_of_msgpack_is_read(self):
        """PROTOCOL 6: numbers, strings, arrays and maps map to each other"""
        client, worker = self.mixed(MSGPACK)
        for octets, value in (
            (b"\xd3" + b"\0" * 7 + b"\x05", 5), (b"\xcf" + b"\0" * 7 + b"\x05", 5), (b"\xd1\xff\xff", -1),
            (b"\xca" + struct.pack(">f", 0.1), struct.unpack("f", struct.pack("f", 0.1))[0]),
            (b"\xda\x00\x01x", "x"), (b"\xdb\0\0\0\x01x", "x"), (b"\xdc\0\x01\x05", [5]),
            (b"\xdd\0\0\0\x01\x05", [5]), (b"\xde\0\x01\xa1k\x05", {"k": 5}),
            (b"\xdf\0\0\0\x01\xa1k\x05", {"k": 5}),
        ):
            with self.subTest(octets=octets):
                run, _ = self.there_and_back(client, worker, octets)
                self.assert_same(run.document(), value)

    def test_bin_becomes_base64_and_stays_a_string_on_the_way_back(self):
        """PROTOCOL 6: msgpack bin becomes a base64 string (RFC 4648, padded)"""
        client, worker = self.mixed(MSGPACK)
        for size in (0, 1, 2, 3, 4, 255, 256, 65536):
            octets = bytes((i * 251 + 255) % 256 for i in range(size))
            with self.subTest(size=size):
                run, result = self.there_and_back(client, worker, msgpack.packb({"b": octets}))
                text = base64.b64encode(octets).decode()
                self.assertEqual(run.document(), {"b": text})
                self.assertEqual(result.document(), {"b": text})

    @both_codecs
    def test_an_empty_payload_stays_empty(self, codec):
        """PROTOCOL 2: an empty payload frame where there is none"""
        client, worker = self.mixed(codec)
        run, result = self.there_and_back(client, worker, None, b"")
        self.assertEqual((run.payload, result.payload), (b"", b""))

    @both_codecs
    def test_inline_payloads_cross_as_well(self, codec):
        """PROTOCOL 2, 6: the legacy form"""
        client, worker = self.mixed(codec)
        document = {"a": [1, "\u00e9"]}
        inline = [encode(document, c) for c in (codec, worker.codec)]
        inline = [o.decode() if c == JSON else o for o, c in zip(inline, (codec, worker.codec))]
        cookie = client.run("p", variables=inline[0], stream=True)
        run = worker.take(cookie)
        self.assertEqual(run.document(), document)
        worker.partial(run, result=inline[1], seq=0)
        worker.finish(run, result=inline[1])
        self.assertEqual(client.expect("PARTIAL").document(), document)
        self.assertEqual(client.expect_result().document(), document)


class Headers(MixedCase):
    @both_codecs
    def test_known_and_unknown_keys_cross_both_ways(self, codec):
        """PROTOCOL 6: it transcodes the header; section 2: unknown keys are passed on"""
        client, worker = self.mixed(codec)
        extra = {
            "traceparent": "00-4bf92f35-01",
            "x": {"list": [1, -2.5, None, True, "\u00e9\0", 2**64 - 1, -(2**63)], "": {}},
        }
        keys = {"priority": 7, "stream": True, "wait": 1000, "retries": 2, "timeout": 2**53 + 1}
        cookie = client.run("p\u00e9\"q", {"a": 1}, **keys, **extra)
        run = worker.take(cookie)
        for key, value in {**keys, **extra, "pipeline": "p\u00e9\"q"}.items():
            self.assert_same(run.header[key], value)
        worker.partial(run, 1, seq=2**53 + 1, **extra)
        worker.finish(run, 2, rc="EXCEPTION", error="\u00e9\n", stacktrace=["a", ""], **extra)
        partial, result = client.expect("PARTIAL"), client.expect_result("EXCEPTION", cookie)
        self.assert_same(partial.header["seq"], 2**53 + 1)
        self.assertEqual((result.error, result.header["stacktrace"]), ("\u00e9\n", ["a", ""]))
        for packet in (partial, result):
            self.assert_same({key: packet.header[key] for key in extra}, extra)

    def test_a_bin_cookie_reaches_a_json_worker_as_a_uuid(self):
        """PROTOCOL 2: cookie: 36-character string; in msgpack also bin"""
        client, worker = self.mixed(MSGPACK)
        octets = bytes(range(0xA0, 0xB0))
        client.run("p", cookie=octets, x=octets)
        run = worker.take("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf")
        self.assertEqual(run.header["x"], base64.b64encode(octets).decode())
        worker.finish(run)
        client.expect_result("OK", octets)

    @both_codecs
    def test_a_cancel_reaches_the_worker_in_its_codec(self, codec):
        """PROTOCOL 6: each peer is answered in its own codec"""
        client, worker = self.mixed(codec)
        cookie = client.run("p")
        worker.take(cookie)
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        client.expect_result("CANCELLED", cookie)

    def test_a_client_is_answered_in_the_codec_of_the_run(self):
        """PROTOCOL 6: a client in that of the RUN"""
        client, worker = self.pair(capacity=2)
        tasks = {}
        for codec in BOTH:
            client.codec = codec
            tasks[codec] = client.run("p", {"in": codec})
        for codec in BOTH:
            self.assertEqual(worker.take(tasks[codec]).document(), {"in": codec})
            worker.finish(tasks[codec], {"out": codec})
            result = client.expect_result("OK", tasks[codec], codec=codec)
            self.assertEqual((result.encoding, result.document()), (codec, {"out": codec}))

    def test_a_worker_is_spoken_to_in_the_codec_of_its_latest_packet(self):
        """PROTOCOL 6: a worker in that of its latest packet"""
        client, worker = self.pair()
        for codec in (MSGPACK, JSON, MSGPACK, MSGPACK, JSON):
            worker.codec = codec
            worker.expect_nothing()
            cookie = client.run("p", {"a": 1})
            run = worker.take(cookie)
            self.assertEqual(run.document(), {"a": 1})
            worker.finish(run, {"b": 2})
            self.assertEqual(client.expect_result("OK", cookie).document(), {"b": 2})


class Encodings(MixedCase):
    GARBAGE = bytes(range(256))

    @both_codecs
    def test_raw_octets_are_never_looked_into(self, codec):
        """PROTOCOL 2: encoding: raw octets are never looked into"""
        client, worker = self.mixed(codec)
        cookie = client.run("p", payload=self.GARBAGE, encoding="raw")
        run = worker.take(cookie)
        self.assertEqual((run.payload, run.encoding), (self.GARBAGE, "raw"))
        worker.finish(run, payload=self.GARBAGE[::-1], encoding="raw")
        result = client.expect_result("OK", cookie)
        self.assertEqual((result.payload, result.encoding), (self.GARBAGE[::-1], "raw"))

    @both_codecs
    def test_a_payload_in_the_receivers_codec_is_left_as_it_is(self, codec):
        """PROTOCOL 6: unless its `encoding` is already the receiver's codec"""
        client, worker = self.mixed(codec)
        odd = {JSON: b' { "a" : 1.50 } ', MSGPACK: b"\xdf\0\0\0\x01\xa1a\xcf" + b"\0" * 7 + b"\x01"}
        cookie = client.run("p", payload=odd[worker.codec], encoding=worker.codec)
        run = worker.take(cookie)
        self.assertEqual((run.payload, run.encoding), (odd[worker.codec], worker.codec))
        worker.finish(run, payload=odd[codec], encoding=codec)
        result = client.expect_result("OK", cookie)
        self.assertEqual((result.payload, result.encoding), (odd[codec], codec))

    @both_codecs
    def test_an_encoding_said_outright_is_believed(self, codec):
        """PROTOCOL 2: encoding: what the payload is; default: the header's codec"""
        client, worker = self.mixed(codec)
        cookie = client.run("p", {"a": 1}, encoding=codec)
        run = worker.take(cookie)
        self.assertEqual((run.encoding, run.document()), (worker.codec, {"a": 1}))
        worker.finish(run, {"b": 2}, encoding=worker.codec)
        result = client.expect_result("OK", cookie)
        self.assertEqual((result.encoding, result.document()), (codec, {"b": 2}))

    @both_codecs
    def test_between_equals_nothing_is_touched(self, codec):
        """PROTOCOL 6: between equals header and payload pass as they came, untouched"""
        client, worker = self.pair(codec)
        for encoding in (None, "raw", *BOTH):
            keys = {"encoding": encoding} if encoding else {}
            cookie = client.run("p", payload=self.GARBAGE, **keys)
            run = worker.take(cookie)
            header = {"packet_type": "RUN", "cookie": cookie, "pipeline": "p", **keys}
            self.assertEqual(run.frames, [encode(header, codec), self.GARBAGE])
            worker.finish(run, payload=self.GARBAGE, x=[1.50], **keys)
            header = {"packet_type": "RESULT", "cookie": cookie, "rc": "OK", "x": [1.5], **keys}
            self.assertEqual(client.recv_frames(), [encode(header, codec), self.GARBAGE])


UNSAYABLE = {
    MSGPACK: (
        b"\xd4\x05x", b"\xc7\x03\x01abc", msgpack.packb(msgpack.Timestamp(1)), b"\x81\x01\x02",
        msgpack.packb({"a": [{None: 1}]}), msgpack.packb({1.5: 1}), msgpack.packb({b"k": 1}),
        msgpack.packb(math.nan), msgpack.packb([math.inf]), msgpack.packb({"x": -math.inf}),
        b"\xca\x7f\xc0\x00\x00", b"\xa1\xff", b"\x81\xa1\xff\x01", b"\xa3\xed\xa0\x80",
        b"\xc1", b"\x92\x01", b"\x01\x01", b"\xdd\xff\xff\xff\xff", b"\x91" * 100000,
    ),
    JSON: (
        b"{", b"nul", b"[1,]", b"{} {}", b"'a'", b'"\xff"', b'"\\ud800"', b"NaN", b"01", b" ",
        b'{"a":1', b"[" * 100000, b'{"a":' * 100000,
    ),
}


class Refusals(MixedCase):
    @both_codecs
    def test_a_run_that_cannot_be_said_is_a_bad_packet(self, codec):
        """PROTOCOL 6: what JSON can't say is refused: a RUN gets BAD_PACKET"""
        client, worker = self.mixed(codec)
        for payload in UNSAYABLE[codec]:
            with self.subTest(payload=f"{payload!r:.60}"):
                cookie = client.run("p", payload=payload)
                packet = client.expect_result("BAD_PACKET", cookie)
                self.assertTrue(packet.error)
        worker.expect_nothing()
        self.there_and_back(client, worker, encode(1, codec))

    @both_codecs
    def test_a_result_that_cannot_be_said_is_an_exception(self, codec):
        """PROTOCOL 6: a RESULT reaches the client as EXCEPTION, with the reason in `error`"""
        client, worker = self.mixed(other(codec))
        for payload in UNSAYABLE[codec]:
            with self.subTest(payload=f"{payload!r:.60}"):
                cookie = client.run("p")
                worker.finish(worker.take(cookie), payload=payload)
                packet = client.expect_result("EXCEPTION", cookie)
                self.assertTrue(packet.error)
        self.there_and_back(client, worker, encode(1, client.codec))

    def test_a_refusal_says_where(self):
        """PROTOCOL 6: with the reason in `error`"""
        client, worker = self.mixed(MSGPACK)
        for document, error in (
            ({"a": [0, 0, 0, {1: 2}]}, "variables.a[3]: map key is not a string"),
            ({"a": {"b": [0, math.nan]}}, "variables.a.b[1]: JSON can't say NaN"),
            ([msgpack.Timestamp(1)], "variables[0]: JSON can't say an ext type"),
        ):
            cookie = client.run("p", payload=msgpack.packb(document))
            self.assertEqual(client.expect_result("BAD_PACKET", cookie).error, error)
        cookie = client.run("p", x={"y": [0, math.inf]})
        self.assertEqual(client.expect_result("BAD_PACKET", cookie).error, "x.y[1]: JSON can't say infinity")
        cookie = client.run("p")
        worker.finish(worker.take(cookie), payload=b'{"a":[1,]}')
        error = client.expect_result("EXCEPTION", cookie).error
        self.assertEqual(error, "result.a[1]: malformed JSON at octet 8: not a value")

    def test_a_header_that_json_cannot_say_is_refused(self):
        """PROTOCOL 6: ext types, keys that are not strings, NaN, infinities"""
        client, worker = self.mixed(MSGPACK)
        for value in (msgpack.ExtType(5, b"x"), {1: 2}, math.nan, [math.inf]):
            with self.subTest(value=value):
                cookie = client.run("p", x=value)
                client.expect_result("BAD_PACKET", cookie)
        worker.expect_nothing()
        worker.register(0)
        client, worker = self.mixed(JSON)
        cookie = client.run("p")
        worker.finish(worker.take(cookie), x=math.nan)
        self.assertTrue(client.expect_result("EXCEPTION", cookie).error)

    def test_what_is_fine_between_equals_passes(self):
        """PROTOCOL 6: between equals, untouched"""
        client, worker = self.pair(MSGPACK)
        for payload in UNSAYABLE[MSGPACK]:
            cookie = client.run("p", payload=payload)
            run = worker.take(cookie)
            self.assertEqual(run.payload, payload)
            worker.finish(run, payload=payload)
            self.assertEqual(client.expect_result("OK", cookie).payload, payload)


if __name__ == "__main__":
    unittest.main()
