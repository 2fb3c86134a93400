"""The transcoder beside Python's json and msgpack, which know nothing of it (PROTOCOL 6).

    test_against_python.py TRANSCODER [CASE]

ZFABRIC_DOCUMENTS: how many documents a case makes, 10000 without; ZFABRIC_SEED: from which seed.
"""

import base64
import json
import math
import os
import pathlib
import random
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import msgpack

from transcoder import JSON, MSGPACK, Maker, same, transcode

SEED = int(os.environ.get("ZFABRIC_SEED", "20261123"))
DOCUMENTS = int(os.environ.get("ZFABRIC_DOCUMENTS", "10000"))


def unpack(octets):
    return msgpack.unpackb(octets, raw=False, strict_map_key=True)


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def real(text):
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is no float")
    return value


def integer(text):
    value = int(text)
    return value if -(2**63) <= value < 2**64 else real(text)


def load(octets):
    """As strict as RFC 8259, with PROTOCOL 6's rule for integers; ValueError."""
    value = json.loads(octets.decode(), parse_constant=no_constant, parse_float=real, parse_int=integer)
    json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate has no UTF-8
    return value


class AgainstPython(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(f"{SEED} {self.id().rsplit('.', 1)[-1]}")
        self.maker = Maker(self.random)

    def assert_same(self, number, got, wanted):
        if not same(got, wanted):
            self.fail(f"seed {SEED}, number {number}: {got!r:.300} is not {wanted!r:.300}")

    def spell(self, document):
        """JSON with spaces and escapes by chance."""
        spaces = self.random.choice((None, None, None, None, 1, "\t"))  # which is slow
        separators = self.random.choice(((",", ":"), (" ,\r\n", "\t: ")))
        return json.dumps(
            document, indent=spaces, separators=separators, ensure_ascii=self.random.random() < 0.5
        ).encode()

    def test_json_becomes_what_msgpack_would_have_packed(self):
        """To the octet: the shortest encodings, keys in their order; and back the same document."""
        documents = [self.maker.document() for _ in range(DOCUMENTS)]
        there = transcode([(JSON, self.spell(document)) for document in documents])
        back = transcode([(MSGPACK, octets) for octets in there])
        for number, document in enumerate(documents):
            self.assertEqual(there[number], msgpack.packb(document), f"seed {SEED}, number {number}")
            self.assert_same(number, load(back[number]), document)

    def test_msgpack_comes_back_to_the_octet(self):
        """msgpack -> JSON -> msgpack, where it was the shortest encoding and has no bin"""
        documents = [self.maker.document() for _ in range(DOCUMENTS)]
        packed = [msgpack.packb(document) for document in documents]
        there = transcode([(MSGPACK, octets) for octets in packed])
        back = transcode([(JSON, octets) for octets in there])
        for number, document in enumerate(documents):
            self.assert_same(number, load(there[number]), document)
            self.assertEqual(back[number], packed[number], f"seed {SEED}, number {number}")

    def widen(self, document):
        """msgpack whose heads are as wide as chance has it; bins among it."""
        choose = self.random.choice
        if isinstance(document, str):
            octets = document.encode()
            heads = [(31, lambda n: bytes([0xA0 | n])), (0xFF, lambda n: struct.pack(">BB", 0xD9, n)),
                     (0xFFFF, lambda n: struct.pack(">BH", 0xDA, n)), (2**32, lambda n: struct.pack(">BI", 0xDB, n))]
            return choose([head for most, head in heads if len(octets) <= most])(len(octets)) + octets
        if isinstance(document, bytes):
            heads = [(0xFF, ">BB", 0xC4), (0xFFFF, ">BH", 0xC5), (2**32, ">BI", 0xC6)]
            form, head = choose([(form, head) for most, form, head in heads if len(document) <= most])
            return struct.pack(form, head, len(document)) + document
        if isinstance(document, bool) or document is None:
            return msgpack.packb(document)
        if isinstance(document, int):
            ways = [">BB", ">BH", ">BI", ">BQ", ">Bb", ">Bh", ">Bi", ">Bq"]
            heads = [0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3]
            octets = [msgpack.packb(document)]
            for way, head in zip(ways, heads):
                try:
                    octets.append(struct.pack(way, head, document))
                except struct.error:
                    pass
            return choose(octets)
        if isinstance(document, float):
            try:
                if struct.unpack("f", struct.pack("f", document))[0] == document:
                    return struct.pack(">Bf", 0xCA, document)
            except OverflowError:
                pass
            return struct.pack(">Bd", 0xCB, document)
        many = isinstance(document, dict)
        heads = [(15, lambda n: bytes([(0x80 if many else 0x90) | n])),
                 (0xFFFF, lambda n: struct.pack(">BH", 0xDE if many else 0xDC, n)),
                 (2**32, lambda n: struct.pack(">BI", 0xDF if many else 0xDD, n))]
        head = choose([head for most, head in heads if len(document) <= most])(len(document))
        items = [part for pair in document.items() for part in pair] if many else document
        return head + b"".join(map(self.widen, items))

    def in_base64(self, document):
        if isinstance(document, bytes):
            return base64.b64encode(document).decode()
        if isinstance(document, list):
            return [self.in_base64(item) for item in document]
        if isinstance(document, dict):
            return {key: self.in_base64(item) for key, item in document.items()}
        return document

    def test_every_width_and_bin_is_read(self):
        """Bin becomes base64, RFC 4648, padded; encodings wider than need be are as good"""
        self.maker.scalars += (lambda: self.random.randbytes(self.random.randrange(300)),)
        documents = [self.maker.document() for _ in range(DOCUMENTS)]
        there = transcode([(MSGPACK, self.widen(document)) for document in documents])
        for number, document in enumerate(documents):
            self.assert_same(number, load(there[number]), self.in_base64(document))

    def poisoned(self, depth):
        """msgpack octets with one thing that JSON can't say, where it is, and what it is."""
        kind = self.random.randrange(4) if depth else 0
        items = [msgpack.packb(self.maker.document(1)) for _ in range(self.random.randrange(4))]
        if kind == 0:
            octets, why = self.random.choice((
                (b"\xcb\x7f\xf8\0\0\0\0\0\0", "JSON can't say NaN"),
                (b"\xca\xff\x80\0\0", "JSON can't say infinity"),
                (b"\xcb\x7f\xf0\0\0\0\0\0\0", "JSON can't say infinity"),
                (b"\xd6\xff\0\0\0\0", "JSON can't say an ext type"),
                (b"\xc7\x03\x05abc", "JSON can't say an ext type"),
                (b"\xa3\xed\xa0\x80", "a string is not UTF-8"),
                (b"\x82\xa1k\x01\x02\x03", "map key is not a string"),
                (b"\x81\xc4\x01k\x01", "map key is not a string"),
                (b"\x81\xc0\x01", "map key is not a string"),
                (b"\x81\xa1\xff\x01", "map key is not UTF-8"),
            ))
            return octets, "", why
        octets, place, why = self.poisoned(depth - 1)
        if kind == 1:
            head, tail = items, [msgpack.packb(None)] * self.random.randrange(3)
            body = b"".join(head) + octets + b"".join(tail)
            return bytes([0x90 | len(head) + 1 + len(tail)]) + body, f"[{len(head)}]" + place, why
        key = self.random.choice(("a", "long_key", "\u00e9", "a b"))
        body = b"".join(msgpack.packb(f"k{i}") + item for i, item in enumerate(items))
        body += msgpack.packb(key) + octets
        return bytes([0x80 | len(items) + 1]) + body, f".{key}" + place, why

    def test_what_json_cannot_say_is_refused_with_its_place(self):
        """PROTOCOL 6, and `variables.a[3]: map key is not a string`"""
        documents = [self.poisoned(self.random.randrange(8)) for _ in range(DOCUMENTS)]
        answers = transcode([(MSGPACK, octets) for octets, _, _ in documents])
        for number, (octets, place, why) in enumerate(documents):
            wanted = f"variables{place}: {why}"
            self.assertEqual(answers[number], wanted, f"seed {SEED}, number {number}, {octets!r:.200}")

    PIECES = (*(b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\\u", b"\\ud83d", b"\\udc00", b"0", b"1", b"-"),
              *(b".", b"e", b"E+", b"null", b"true", b"NaN", b"\x00", b"\x1f", b"\x80", b"\xc3", b"\xed\xa0\x80", b" "),
              *(b"\n", b"\x0b", b"99999999999999999999", b"1e400", b"//", b"'", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80"))

    def change(self, octets):
        changed = bytearray(octets)
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(changed) + 1)
            changed[at : at + self.random.randrange(3)] = self.random.choice(self.PIECES)
        return bytes(changed)

    def test_changed_json_is_accepted_where_python_accepts_it(self):
        """RFC 8259, no more and no less"""
        texts = [self.change(self.spell(self.maker.document(2))) for _ in range(DOCUMENTS)]
        accepted = 0
        for number, (text, answer) in enumerate(zip(texts, transcode([(JSON, text) for text in texts]))):
            try:
                wanted = load(text)
            except ValueError as error:
                self.assertIsInstance(answer, str, f"seed {SEED}, number {number}: {text!r} but {error}")
                continue
            if isinstance(answer, str):
                self.fail(f"seed {SEED}, number {number}: {text!r}: {answer}")
            accepted += 1
            pairs = json.loads(text.decode(), object_pairs_hook=list)
            if b'"": ' not in text and not self.has_twice(pairs):
                self.assert_same(number, unpack(answer), wanted)
        self.assertTrue(DOCUMENTS / 50 < accepted < DOCUMENTS * 49 / 50, accepted)

    def has_twice(self, pairs):
        """Whether a map in it, read as a list of pairs, has a key twice."""
        if not isinstance(pairs, list):
            return False
        keys = [pair[0] for pair in pairs if isinstance(pair, tuple)]
        parts = [pair[1] if isinstance(pair, tuple) else pair for pair in pairs]
        return len(set(keys)) < len(keys) or any(map(self.has_twice, parts))

    def test_changed_msgpack_is_accepted_only_where_python_accepts_it(self):
        packed = [self.change(self.widen(self.maker.document(2))) for _ in range(DOCUMENTS)]
        answers = transcode([(MSGPACK, octets) for octets in packed])
        accepted = 0
        for number, (octets, answer) in enumerate(zip(packed, answers)):
            if isinstance(answer, str):
                continue
            accepted += 1
            try:
                wanted = unpack(octets)
            except ValueError as error:
                self.fail(f"seed {SEED}, number {number}: {octets!r}: {answer!r}, but {error}")
            pairs = msgpack.unpackb(octets, object_pairs_hook=list)
            if not self.has_twice(pairs):
                self.assert_same(number, load(answer), self.in_base64(wanted))
        self.assertGreater(accepted, DOCUMENTS / 50)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
