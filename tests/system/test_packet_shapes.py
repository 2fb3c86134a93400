"""What a packet looks like (PROTOCOL sections 1 and 2): frames, codecs, strictness, inline payloads."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import msgpack
import zmq

from fabric_case import FabricCase, both_codecs
from fabric_packets import JSON, MSGPACK, encode, json_text, new_cookie, split_map

BEAT = b'{"packet_type":"HEARTBEAT"}'


def run_members(cookie, pipeline="p"):
    return ('"packet_type":"RUN"', f'"cookie":"{cookie}"', f'"pipeline":"{pipeline}"')


def run_pairs(cookie, pipeline="p"):
    """A RUN as the (key, value) octets of a msgpack map."""
    header = {"packet_type": "RUN", "cookie": cookie, "pipeline": pipeline}
    return [(encode(k, MSGPACK), encode(v, MSGPACK)) for k, v in header.items()]


def nested(depth):
    document = 1
    for _ in range(depth):
        document = [document]
    return document


class ShapeCase(FabricCase):
    """`good` and `bad` tell what a message of a client leads to."""

    def setUp(self):
        super().setUp()
        self.eager = self.worker(capacity=1000)

    def eager_in(self, codec):
        """The worker, which speaks `codec` from now on (PROTOCOL 6)."""
        self.eager.codec = codec
        self.eager.expect_nothing()
        return self.eager

    def good(self, client, cookie, *frames):
        client.send_frames(*frames)
        run = self.eager.recv(codec="any")
        self.assertEqual(run.type, "RUN", run)
        self.assert_same_cookies([run], [cookie])
        return run

    def bad(self, client, *frames, key=None, codec=None):
        client.send_frames(*frames)
        self.assert_bad(client.recv(codec=codec), key)

    def tearDown(self):
        self.eager.expect_nothing()


class Codecs(ShapeCase):
    def test_the_first_octet_tells_the_codec_and_nothing_else_does(self):
        """PROTOCOL 2: anything else than `{` and msgpack's map octets is a bad packet"""
        client, worker = self.client(), self.eager
        for octet in range(256):
            with self.subTest(octet=hex(octet)):
                self.bad(client, bytes([octet]), codec="any")
                worker.send_frames(bytes([octet]))
                self.assert_bad(worker.recv(codec="any"))
        for rest in (BEAT, encode({"packet_type": "HEARTBEAT"}, MSGPACK)):
            for before in (b" ", b"\n", b"\xef\xbb\xbf", b"[", b"\x90", b"\xc0"):
                with self.subTest(before=before, rest=rest):
                    self.bad(client, before + rest, codec="any")

    def test_every_width_of_msgpack_map_string_and_integer_is_read(self):
        """PROTOCOL 2: 0x80-0x8f, 0xde and 0xdf are msgpack"""
        client = self.client(MSGPACK)
        for first in (b"\x84", b"\xde\x00\x04", b"\xdf\x00\x00\x00\x04"):
            for key in (b"\xa8", b"\xd9\x08", b"\xda\x00\x08", b"\xdb\x00\x00\x00\x08"):
                for five in (b"\x05", b"\xcc\x05", b"\xcd\x00\x05", b"\xce" + b"\0\0\0\x05",
                             b"\xcf" + b"\0\0\0\0\0\0\0\x05", b"\xd0\x05", b"\xd3\0\0\0\0\0\0\0\x05"):
                    with self.subTest(first=first, key=key, five=five):
                        cookie = new_cookie()
                        members = run_pairs(cookie) + [(key + b"priority", five)]
                        run = self.good(client, cookie, first + b"".join(k + v for k, v in members))
                        self.assertEqual(run.header["priority"], 5)

    def test_json_may_be_spelled_in_any_way_that_json_allows(self):
        """PROTOCOL 2: a JSON object"""
        client = self.client()
        for members in (
            ('"packet\\u005ftype":"\\u0052UN"', '"cooki\\u0065":"%s"', '"pipeline":"p"'),
            ('\n\t"pipeline" : "p"', '\r\n"cookie" :\t"%s" ', '"packet_type": "RUN"\n'),
            ('"pipeline":"\\u0070"', '"x\\/y":1e5', '"cookie":"%s"', '"packet_type":"RUN"'),
        ):
            with self.subTest(members=members):
                cookie = new_cookie()
                self.good(client, cookie, json_text(*members).replace(b"%s", cookie.encode()))

    def test_the_packet_is_passed_on_untouched_between_equals(self):
        """PROTOCOL 6: between equals header and payload pass as they came"""
        cookie = new_cookie()
        header = json_text(*run_members(cookie), ' "x" : [ 1.50, "\\u0041" ] ')
        run = self.good(self.client(), cookie, header, b' {"a" :\n1.0e0} ')
        self.assertEqual(run.frames, [header, b' {"a" :\n1.0e0} '])

    @both_codecs
    def test_a_packet_of_one_frame_is_delivered_in_two(self, codec):
        """PROTOCOL 2: with an empty payload frame where there is none"""
        client, worker = self.client(codec), self.eager
        client.run("p")
        run = worker.take()
        self.assertEqual(len(run.frames), 2)
        self.assertEqual(run.payload, b"")
        worker.finish(run)
        self.assertEqual(client.expect_result().payload, b"")


class Strictness(ShapeCase):
    def test_json_that_is_not_json_is_refused(self):
        """PROTOCOL 2: a JSON object"""
        client = self.client()
        cookie = new_cookie()
        whole = json_text(*run_members(cookie), '"wait":1')
        broken = [whole[:size] for size in range(1, len(whole))]
        for members in (
            ("'x':1",), ('"x":01',), ('"x":+1',), ('"x":.5',), ('"x":1.',), ('"x":1e',), ('"x":0x1',),
            ('"x":NaN',), ('"x":Infinity',), ('"x":-',), ('"x":True',), ('"x":nul',), ('"x"',), ('x:1',),
            ('"x":"\t"',), ('"x":"\\x41"',), ('"x":"\\u12"',), ('"x":"\\"',), ('"x":1', ""), ("", '"x":1'),
            ('"x":[1,]',), ('"x":[1 2]',), ('"x":{"a"}',), ('"x":{1:2}',), ('"x":[1}',), ('"x":1 "y":2',),
            ('"x":/**/1',), ('1:2',), ('null:2',),
        ):
            broken.append(json_text(*run_members(cookie), *members))
        broken += [whole + tail for tail in (b"}", b"x", b"{}", b",", b"\0")]
        for header in broken:
            with self.subTest(header=header):
                self.bad(client, header)

    def test_msgpack_that_is_not_msgpack_is_refused(self):
        """PROTOCOL 2: a msgpack map"""
        client = self.client(MSGPACK)
        pairs = run_pairs(new_cookie())
        whole = split_map(pairs)
        broken = [whole[:size] for size in range(1, len(whole))] + [whole + b"\xc0", whole + b"\x80"]
        broken += [b"\xdf\xff\xff\xff\xff" + whole[1:], b"\xde\xff\xff" + whole[1:]]
        for value in (b"\xc1", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xdf\x7f\xff\xff\xff",
                      b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01", b"\x91", b"\xa5abc"):
            broken.append(split_map(pairs + [(encode("x", MSGPACK), value)]))
        for header in broken:
            with self.subTest(header=header):
                self.bad(client, header)

    def test_a_key_that_appears_twice_is_refused(self):
        """PROTOCOL 2: a key that appears twice makes a bad packet"""
        client = self.client()
        for twice in (
            ('"priority":5', '"priority":5'), ('"priority":5', '"priorit\\u0079":5'),
            ('"pr\\u0069ority":5', '"pr\\u0069ority":6'), ('"wait":null', '"wait":1'),
            ('"wait":1', '"wait":null'), ('"pipeline":"p"',), ('"pipelin\\u0065":"q"',),
            ('"packet_type":"RUN"',), ('"packet_type":"CANCEL"',), ('"x":1', '"x":1'),
            ('"x":1', '"\\u0078":2'), ('"\\"":1', '"\\u0022":2'), ('"\u00e9":1', '"\\u00e9":2'),
            ('"\U0001f600":1', '"\\ud83d\\ude00":2'), ('"":1', '"":1'), ('"/":1', '"\\/":1'),
        ):
            with self.subTest(twice=twice):
                self.bad(client, json_text(*run_members(new_cookie()), *twice))
        with self.subTest("cookie"):
            members = run_members(new_cookie())
            self.bad(client, json_text(*members, members[1]), key="cookie")

    def test_a_msgpack_key_that_appears_twice_is_refused(self):
        """PROTOCOL 2: a key that appears twice makes a bad packet"""
        client = self.client(MSGPACK)
        for key in (b"wait", b"x", b""):
            spellings = (bytes([0xA0 + len(key)]), bytes([0xD9, len(key)]), bytes([0xDA, 0, len(key)]))
            for first in spellings:
                for second in spellings:
                    with self.subTest(key=key, first=first, second=second):
                        twice = [(first + key, b"\x01"), (second + key, b"\x01")]
                        self.bad(client, split_map(run_pairs(new_cookie()) + twice))

    def test_keys_that_only_look_alike_are_different(self):
        """PROTOCOL 2: unknown keys are kept"""
        cookie = new_cookie()
        alike = ('"x":1', '"X":2', '"x ":3', '"x\\u0000":4', '"xx":5', '"Priority":"six"')
        run = self.good(self.client(), cookie, json_text(*run_members(cookie), *alike))
        self.assertEqual(run.header["x\0"], 4)

    @both_codecs
    def test_a_header_nests_at_most_16_deep(self, codec):
        """PROTOCOL 2, limits: the header itself is the first level"""
        client = self.client(codec)
        cookie = client.run("p", x=nested(15))
        self.eager.take(cookie)
        for depth in (16, 17, 1000):
            with self.subTest(depth=depth):
                client.send_frames(self.deep_run(codec, depth))
                self.assert_bad(client.recv())

    def deep_run(self, codec, depth):
        cookie = new_cookie()
        if codec == JSON:
            return json_text(*run_members(cookie), '"x":' + "[" * depth + "]" * depth)
        return split_map(run_pairs(cookie) + [(encode("x", MSGPACK), b"\x91" * (depth - 1) + b"\x90")])

    @both_codecs
    def test_a_header_has_at_most_65536_octets(self, codec):
        """PROTOCOL 2, limits"""
        client, _ = self.client(codec), self.eager_in(codec)
        for size, fits in ((65536, True), (65537, False), (1000000, False), (65536, True)):
            with self.subTest(size=size):
                cookie = new_cookie()
                header = {"packet_type": "RUN", "cookie": cookie, "pipeline": "p", "x": "y" * 60000}
                header["x"] += "y" * (size - len(encode(header, codec)))
                frame = encode(header, codec)
                if len(frame) != size:  # msgpack's wider string
                    header["x"] = header["x"][: size - len(frame) + len(header["x"])]
                    frame = encode(header, codec)
                self.assertEqual(len(frame), size)
                self.good(client, cookie, frame) if fits else self.bad(client, frame)

    def test_strings_are_valid_utf8(self):
        """PROTOCOL 2, limits: strings are valid UTF-8"""
        json, packed = self.client(), self.client(MSGPACK)
        for wrong in (
            b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe2\x82", b"\xed\xa0\x80",
            b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe9t\xe9",
        ):
            places = ((b'"x":"', b'"'), (b'"', b'":1'), (b'"error":"', b'"'), (b'"x":["', b'"]'))
            for before, after in places:
                with self.subTest(wrong=wrong, before=before):
                    members = ",".join(run_members(new_cookie())).encode()
                    self.bad(json, b"{" + members + b"," + before + wrong + after + b"}")
            text = bytes([0xA0 + len(wrong)]) + wrong
            for pair in ((b"\xa1x", text), (text, b"\x01"), (b"\xa5error", text), (b"\xa1x", b"\x91" + text)):
                with self.subTest(wrong=wrong, pair=pair):
                    self.bad(packed, split_map(run_pairs(new_cookie()) + [pair]))
        for lone in ("\\ud800", "\\udc00", "\\ud800x", "\\ud83d\\u0041", "\\udc00\\ud800"):
            with self.subTest(lone=lone):
                self.bad(json, json_text(*run_members(new_cookie()), f'"x":"{lone}"'))


class Frames(ShapeCase):
    def test_too_many_frames_are_a_bad_packet(self):
        """PROTOCOL 2: one or two frames"""
        client = self.client()
        for count in (3, 10, 300):
            with self.subTest(count=count):
                self.bad(client, json_text(*run_members(new_cookie())), *[b"{}"] * (count - 1))

    def test_an_empty_message_is_a_bad_packet(self):
        """PROTOCOL 2: the first octet of the header tells its codec"""
        client, worker = self.client(), self.eager
        self.bad(client, b"", codec="any")
        worker.send_frames(b"")
        self.assert_bad(worker.recv(codec="any"))

    def test_a_peer_with_a_delimiter_gets_one_before_everything(self):
        """PROTOCOL 1: if a message arrives with a leading empty delimiter frame ..."""
        client, worker = self.client(), self.eager
        cookie = new_cookie()
        header = json_text(*run_members(cookie), '"stream":true')
        self.good(client, cookie, b"", header, b'"x"')
        worker.partial(cookie, "piece", seq=0)
        worker.finish(cookie, "end")
        for packet_type in (b"PARTIAL", b"RESULT"):
            frames = client.recv_frames()
            self.assertEqual((frames[0], len(frames)), (b"", 3))
            self.assertIn(packet_type, frames[1])
        for frames in ([b"", BEAT], [b"", b"garbage"], [b"", BEAT, b"", b"", b""]):
            client.send_frames(*frames)
            self.assertEqual(client.recv_frames()[0], b"")

    def test_a_req_socket_can_be_a_client(self):
        """PROTOCOL 1: a client MAY use REQ"""
        client, worker = self.client(kind=zmq.REQ), self.eager
        for number in range(3):
            cookie = client.run("p", number)
            run = worker.take(cookie)
            self.assertEqual(len(run.frames), 2)
            worker.finish(run, run.document())
            frames = client.recv_frames()
            self.assertEqual(len(frames), 2)
            self.assertEqual(frames[1], encode(number, JSON))

    @both_codecs
    def test_a_chosen_routing_id_is_refused_with_the_reason(self, codec):
        """PROTOCOL 1: a packet by a chosen id gets BAD_PACKET that says so"""
        client = self.client(codec, routing_id=b"me")
        client.run("p")
        worker = self.stranger(codec, routing_id=b"my-worker")
        worker.send({"packet_type": "REGISTER", "capacity": 1})
        for peer in (client, worker):
            answer = peer.recv()
            self.assert_bad(answer)
            self.assertRegex(answer.error.lower(), "routing.?id|identity")

    def test_a_payload_has_at_most_max_payload_octets(self):
        """PROTOCOL 2, limits: a payload is at most --max-payload"""
        self.eager.vanish()
        self.start("--max-payload", "1000")
        client, self.eager = self.client(), self.worker(capacity=1000)
        limit = b'"' + b"x" * 998 + b'"'
        cookie = client.run("p", payload=limit)
        self.assertEqual(self.eager.take(cookie).payload, limit)
        self.eager.finish(cookie, payload=limit)
        self.assertEqual(client.expect_result("OK", cookie).payload, limit)
        self.bad(client, json_text(*run_members(new_cookie())), limit + b" ")
        self.bad(client, json_text(*run_members(new_cookie()), '"variables":"%s"' % ("1" * 1001)))


class InlinePayloads(ShapeCase):
    """PROTOCOL 2: the legacy form is delivered as two frames."""

    DOCUMENT = b'{"a": "\xc3\xa9\\n\\u0000\\"", "b": [1, 2.50]}'

    def test_variables_as_a_json_string_become_the_payload(self):
        """PROTOCOL 2: as the string value of `variables`"""
        client, worker = self.client(), self.eager
        for text in (self.DOCUMENT.decode(), "1", "", '"\U0001f600"'):
            with self.subTest(text=text):
                cookie = client.run("p", variables=text, priority=7, x={"y": 1})
                run = worker.take(cookie)
                self.assertEqual(run.payload, text.encode())
                self.assertEqual((run.header["priority"], run.header["x"]), (7, {"y": 1}))

    def test_the_place_of_the_inline_member_does_not_matter(self):
        """PROTOCOL 2: the payload in the header"""
        client = self.client()
        inline = ' "variabl\\u0065s" : "[1,\\u0032]" '
        for place in range(4):
            with self.subTest(place=place):
                cookie = new_cookie()
                members = list(run_members(cookie))
                members.insert(place, inline)
                run = self.good(client, cookie, json_text(*members))
                self.assertEqual(run.payload, b"[1,2]")
                self.assertEqual(run.header["pipeline"], "p")

    def test_variables_as_msgpack_str_or_bin_become_the_payload(self):
        """PROTOCOL 2: as the bin/str value of `variables`"""
        client, worker = self.client(MSGPACK), self.eager_in(MSGPACK)
        packed = msgpack.packb({"a": [1, b"\xff", None]})
        for value, octets in ((packed, packed), ("text", b"text"), (b"", b""), (b"x" * 300, b"x" * 300)):
            with self.subTest(value=value):
                cookie = client.run("p", variables=value, priority=7)
                run = worker.take(cookie)
                self.assertEqual((run.payload, run.header["priority"]), (octets, 7))

    @both_codecs
    def test_an_inline_result_becomes_the_payload(self, codec):
        """PROTOCOL 2: `result` (RESULT, PARTIAL)"""
        client, worker = self.client(codec), self.eager_in(codec)
        text = '{"a":"\u00e9"}' if codec == JSON else msgpack.packb({"a": "\u00e9"})
        octets = text.encode() if codec == JSON else text
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        worker.partial(cookie, seq=0, result=text)
        worker.finish(cookie, result=text, x=1)
        partial, result = client.expect("PARTIAL"), client.expect_result("OK", cookie)
        self.assertEqual((partial.payload, partial.header["seq"]), (octets, 0))
        self.assertEqual((result.payload, result.header["x"]), (octets, 1))

    @both_codecs
    def test_both_forms_at_once_are_refused(self, codec):
        """PROTOCOL 2: it MUST NOT do both"""
        client, worker = self.client(codec), self.eager_in(codec)
        client.run("p", payload=encode(1, codec), variables="1")
        self.assert_bad(client.recv(), "variables")
        cookie = client.run("p", payload=encode(1, codec), variables=None)
        self.assertEqual(worker.take(cookie).payload, encode(1, codec))
        worker.finish(cookie, 1, result="1")
        self.assert_bad(worker.recv(), "result")
        worker.finish(cookie, 1, result=None)
        client.expect_result("OK", cookie)


if __name__ == "__main__":
    unittest.main()
