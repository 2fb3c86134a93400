"""The vectors beside Python's json and msgpack: that they mean what they say, whoever wrote them.

Also an example of how to read them; README.md tells the form.
"""

import base64
import json
import pathlib
import struct
import unittest

import msgpack

HERE = pathlib.Path(__file__).parent


def load(name):
    return json.loads((HERE / name).read_text())


def octets_of(vector):
    if "hex" in vector:
        return bytes.fromhex(vector["hex"])
    return b"".join(bytes.fromhex(part) * count for part, count in vector["parts"])


def map_of(pairs):
    return ("map", pairs)


def number(text):
    """PROTOCOL 6: an integer from -2^63 to 2^64-1, beyond it a float."""
    value = int(text)
    return value if -(2**63) <= value < 2**64 else float(value)


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def decode(octets, codec):
    """A document, with its maps as ("map", pairs) so that no key gets lost."""
    if codec == "json":
        text = octets.decode()
        return json.loads(text, object_pairs_hook=map_of, parse_int=number, parse_constant=no_constant)
    return msgpack.unpackb(octets, raw=False, strict_map_key=False, object_pairs_hook=map_of)


def tag(value):
    """As README.md writes a value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, tuple):
        return {"map": [[tag(key), tag(item)] for key, item in value[1]]}
    if isinstance(value, list):
        return [tag(item) for item in value]
    if isinstance(value, int):
        return {"integer": str(value)}
    if isinstance(value, float):
        return {"float": struct.pack(">d", value).hex()}
    return {"bin": value.hex()} if isinstance(value, bytes) else {"string": value}


def in_json(value):
    """A tagged value after its way to JSON: bins are base64."""
    if isinstance(value, list):
        return [in_json(item) for item in value]
    if isinstance(value, dict) and "map" in value:
        return {"map": [[in_json(key), in_json(item)] for key, item in value["map"]]}
    if isinstance(value, dict) and "bin" in value:
        return {"string": base64.b64encode(bytes.fromhex(value["bin"])).decode()}
    return value


def plain(value):
    """A member of a header as README.md writes its meaning."""
    if isinstance(value, bool) or isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else value


class Vectors(unittest.TestCase):
    def test_documents_say_their_value_in_both_codecs(self):
        for vector in load("documents.json"):
            if vector["valid"]:
                with self.subTest(vector["name"]):
                    self.assertEqual(tag(decode(octets_of(vector), vector["from"])), vector["value"])
                    out = tag(decode(bytes.fromhex(vector["out"]), vector["to"]))
                    self.assertEqual(out, in_json(vector["value"]) if vector["to"] == "json" else vector["value"])

    def test_malformed_documents_are_malformed(self):
        for vector in load("documents.json"):
            if not vector["valid"] and vector["reason"].startswith("malformed"):
                with self.subTest(vector["name"]), self.assertRaises(ValueError):
                    decode(octets_of(vector), vector["from"])

    def test_headers_say_their_meaning(self):
        for vector in load("headers.json"):
            if vector["valid"]:
                with self.subTest(vector["name"]):
                    members = dict(decode(octets_of(vector), vector["codec"])[1])
                    for key, wanted in vector["meaning"].items():
                        self.assertEqual(self.said(key, members.pop(key)), wanted)

    def said(self, key, value):
        if key in ("variables", "result"):
            return (value if isinstance(value, bytes) else value.encode()).hex()
        if key == "cookie":
            return value.hex() if isinstance(value, bytes) else value.replace("-", "").lower()
        return plain(value if not isinstance(value, float) else 2**64 - 1)

    def test_headers_say_the_same_after_their_way(self):
        for vector in load("header_transcodings.json"):
            if vector["valid"] and "beyond" not in vector["name"] and "cookie" not in vector["name"]:
                with self.subTest(vector["name"]):
                    there = tag(decode(octets_of(vector), vector["from"]))
                    back = tag(decode(bytes.fromhex(vector["out"]), vector["to"]))
                    self.assertEqual(back, in_json(there) if vector["to"] == "json" else there)


if __name__ == "__main__":
    unittest.main()
