"""Documents for the tests against other implementations, and the program that transcodes them."""

import math
import struct
import subprocess
import sys

JSON, MSGPACK, HEADER = b"j", b"m", b"h"


def transcode(requests):
    """What becomes of (kind, octets) pairs: octets each, or a str, the fault."""
    program = sys.argv[1]
    sent = b"".join(kind + struct.pack(">I", len(octets)) + octets for kind, octets in requests)
    done = subprocess.run([program], input=sent, stdout=subprocess.PIPE, check=True)
    answers, at = [], 0
    while at < len(done.stdout):
        kind, length = done.stdout[at : at + 1], struct.unpack_from(">I", done.stdout, at + 1)[0]
        octets = done.stdout[at + 5 : at + 5 + length]
        answers.append(octets if kind == b"=" else octets.decode())
        at += 5 + length
    if len(answers) != len(requests):
        raise AssertionError(f"{len(answers)} answers to {len(requests)} requests")
    return answers


def same(one, two):
    """Whether two documents say the same: 1 is not 1.0 is not True, -0.0 is not 0.0."""
    if isinstance(one, dict) and isinstance(two, dict):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return one == two and math.copysign(1, one) == math.copysign(1, two)
    return type(one) is type(two) and one == two


class Maker:
    """Documents by chance. `extras`: makers of further scalars, such as bins."""

    CHARACTERS = "abcxyz 019\"\\/\b\f\n\r\t\0\x1f\x7f\x80\u00e9\u07ff\u0800\u4e00\ud7ff\ue000\uffff\U00010000\U0010ffff"
    INTEGERS = [
        sign * (2**bits) + near
        for bits in (0, 5, 7, 8, 15, 16, 31, 32, 53, 63, 64)
        for near in (-1, 0, 1)
        for sign in (1, -1)
        if -(2**63) <= sign * (2**bits) + near < 2**64
    ]
    FLOATS = (0.0, -0.0, 0.1, 1.0, -1.5, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e22, 1e23,
              9007199254740993.0, 2.0**63, 2.0**64, 1e16, 1e17, 1e-4, 1e-5, 123456.789, 4.35, 1 / 3)

    def __init__(self, random, extras=()):
        self.random = random
        self.scalars = (self.word, self.integer, self.real, self.text, self.text, *extras)

    def word(self):
        return self.random.choice((None, True, False))

    def integer(self):
        if self.random.randrange(2):
            return self.random.choice(self.INTEGERS)
        return self.random.randrange(-(2**63), 2**64) >> self.random.randrange(64)

    def real(self):
        kind = self.random.randrange(3)
        if kind == 0:
            return self.random.choice(self.FLOATS)
        if kind == 1:
            return self.random.randrange(10**6) / 10 ** self.random.randrange(7)
        value = struct.unpack("d", self.random.randbytes(8))[0]
        return value if math.isfinite(value) else 0.25

    def text(self):
        length = self.random.choice((0, 1, 2, 3, 7, 8, 9, self.random.choice((31, 32, 33, 255, 256))))
        if self.random.randrange(2):
            return "".join(self.random.choices(self.CHARACTERS, k=length))
        return "plain text, as most is " * (length // 20) + "x" * (length % 20)

    def document(self, depth=5):
        kind = self.random.randrange(6 if depth == 5 else 10) if depth else 9
        if kind < 3:
            return [self.document(depth - 1) for _ in range(self.count())]
        if kind < 6:
            return {f"{i}{self.text()[:40]}": self.document(depth - 1) for i in range(self.count())}
        return self.random.choice(self.scalars)()

    def count(self):
        return self.random.choice((0, 1, 2, 2, 3)) if self.random.randrange(20) else self.random.randrange(14, 19)
