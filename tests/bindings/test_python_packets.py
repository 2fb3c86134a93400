"""The package's codec against tests/vectors, and its certificates."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bindings" / "python"), str(ROOT / "tests" / "vectors")]

import test_vectors as vectors  # noqa: E402
from zfabric import Keys, packets  # noqa: E402
from zfabric.keys import read_certificate  # noqa: E402

CERTIFICATE = """#   ****  a comment  ****
metadata
    role = "client"
    public-key = "not this"
curve
    public-key = "%s"
    secret-key = "%s"
"""


def tagged(value):
    """Maps as test_vectors tags them."""
    if isinstance(value, dict):
        return ("map", [(key, tagged(item)) for key, item in value.items()])
    return [tagged(item) for item in value] if isinstance(value, list) else value


def said(key, value):
    if key in ("variables", "result"):
        return (value if isinstance(value, bytes) else value.encode()).hex()
    return value.replace("-", "") if key == "cookie" else vectors.plain(value)


class Headers(unittest.TestCase):
    def test_each_says_its_meaning_or_is_refused(self):
        read = 0
        for vector in vectors.load("headers.json"):
            with self.subTest(vector["name"]):
                octets = vectors.octets_of(vector)
                if not vector["valid"]:
                    self.assertRaises(ValueError, packets.read_header, octets)
                    continue
                codec, header = packets.read_header(octets)
                meaning = {key: said(key, header[key]) for key in vector["meaning"]}
                self.assertEqual((codec, meaning), (vector["codec"], vector["meaning"]))
                read += 1
        self.assertGreater(read, 100)

    def test_what_is_written_is_read(self):
        wanted = {"packet_type": "RUN", "pipeline": "größe", "timeout": 5, "traceparent": "00-x"}
        for codec in packets.CODECS:
            frames = packets.write({**wanted, "error": None}, codec, b"x")
            self.assertEqual(packets.read_header(frames[0]), (codec, wanted))

    def test_a_header_too_long_is_not_written(self):
        self.assertRaises(ValueError, packets.write, {"error": "x" * 70000}, "json")


class Documents(unittest.TestCase):
    def test_each_has_its_value(self):
        for vector in vectors.load("documents.json"):
            if vector["valid"] and "twice" not in vector["name"]:
                with self.subTest(vector["name"]):
                    value = packets.decode(vectors.octets_of(vector), vector["from"])
                    self.assertEqual(vectors.tag(tagged(value)), vector["value"])
                    again = packets.decode(packets.encode(value, vector["from"]), vector["from"])
                    self.assertEqual(vectors.tag(tagged(again)), vector["value"])

    def test_malformed_ones_are_refused(self):
        for vector in vectors.load("documents.json"):
            if not vector["valid"] and (vector["from"] == "json" or vector["reason"].startswith("malformed")):
                with self.subTest(vector["name"]):
                    octets = vectors.octets_of(vector)
                    self.assertRaises(ValueError, packets.decode, octets, vector["from"])

    def test_what_json_cannot_say_is_not_written(self):
        self.assertRaises(ValueError, packets.encode, float("nan"), "json")

    def test_raw_payloads_are_octets(self):
        self.assertEqual(packets.document(b"\xff", "json", "raw"), b"\xff")
        self.assertRaises(TypeError, packets.document, "text", "json", "raw")


class Certificates(unittest.TestCase):
    def test_they_are_read_by_section(self):
        public, secret = "p" * 40, "s" * 40
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.cert_secret")
            path.write_text(CERTIFICATE % (public, secret))
            self.assertEqual(read_certificate(path)["public-key"], public)
            keys = Keys.load(path, path)
        self.assertEqual(keys, Keys(public, public, secret))
        self.assertNotIn(secret, repr(keys))

    def test_keys_of_another_length_are_refused(self):
        self.assertRaises(ValueError, Keys, "x", "p" * 40, "s" * 40)


if __name__ == "__main__":
    unittest.main()
