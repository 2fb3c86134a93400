"""Headers from one codec to the other (PROTOCOL 6), known keys and unknown ones."""

import struct

from headers import OCTETS, UUID
from packing import Ext, Packed, Text, pack, spell

RUN = {"packet_type": "RUN", "cookie": UUID, "pipeline": "demo.echo"}


def one_way(name, source, octets, out):
    target = "msgpack" if source == "json" else "json"
    return {"name": f"{source} to {target}: {name}", "from": source, "to": target, "hex": octets.hex(), "valid": True, "out": out.hex()}


def both_ways(name, members):
    text, octets = spell(members).encode(), pack(members)
    yield one_way(name, "json", text, octets)
    yield one_way(name, "msgpack", octets, text)


def refused(name, source, octets, where, reason):
    target = "msgpack" if source == "json" else "json"
    return {"name": f"{source} to {target}: {name}", "from": source, "to": target, "hex": octets.hex(), "valid": False,
            "where": where, "reason": reason}


def known():
    yield from both_ways("a RUN", RUN)
    yield from both_ways("a RUN with every key", {
        **RUN, "variables": "[1]", "encoding": "json", "detach": True, "stream": False, "timeout": 2**53 + 1, "wait": 0, "priority": 9,
        "retries": 100, "orphan": "cancel"})
    yield from both_ways("a REGISTER", {"packet_type": "REGISTER", "capacity": 65535, "pipelines": ["a", "b.*"], "name": "n", "heartbeat": 2**64 - 1})
    yield from both_ways("a RESULT", {"packet_type": "RESULT", "cookie": UUID, "rc": "EXCEPTION", "error": "a\n\u20ac", "stacktrace": ["", "x"], "result": "{}"})
    yield from both_ways("a PARTIAL", {"packet_type": "PARTIAL", "cookie": UUID.upper(), "seq": 2**64 - 1})
    yield from both_ways("nothing", {})
    yield from both_ways("nulls", {"packet_type": "HEARTBEAT", "wait": None, "x": None})
    yield one_way("a cookie of 16 octets becomes text", "msgpack", pack({**RUN, "cookie": OCTETS}), spell(RUN).encode())
    yield one_way("an integer beyond 2^64-1", "json", b'{"timeout":99999999999999999999}', pack({"timeout": 2**64 - 1}))
    yield one_way("spaces and escapes", "json", rb' {"p\u0061cket_type" : "R\u0055N" } '[1:], pack({"packet_type": "RUN"}))
    yield one_way("a payload of bin becomes base64", "msgpack", pack({"variables": b"foo"}), b'{"variables":"Zm9v"}')
    wide = b"\xdf\0\0\0\x02\xd9\x0bpacket_type\xda\0\x03RUN\xa4wait\xcf" + b"\0" * 7 + b"\x05"
    yield one_way("wide heads", "msgpack", wide, b'{"packet_type":"RUN","wait":5}')


def unknown():
    for name, value in (("a string", "00-4bf92f35-01"), ("numbers", [0, -1, 2**64 - 1, -(2**63), 1.5, -0.0, 5e-324]),
                        ("nesting", {"a": [{"": {}}, [[]]], "b": None}), ("texts", ["\0\"\\", "\u00e9\U0001f600"]), ("many", list(range(40)))):
        members = {**RUN, "x": value}
        text = spell(members).encode() if name != "texts" else spell({**RUN, "x": Text(r'["\u0000\"\\","é😀"]')}).encode()
        yield one_way(f"unknown key with {name}", "json", text, pack(members))
        yield one_way(f"unknown key with {name}", "msgpack", pack(members), text)
    yield from both_ways("many unknown keys", {f"k{i}": i for i in range(20)})
    yield one_way("unknown key with a bin", "msgpack", pack({"x": [b"foo"]}), b'{"x":["Zm9v"]}')
    yield one_way("unknown integer beyond 2^64-1", "json", b'{"x":18446744073709551616}', pack({"x": 2.0**64}))
    for name, value, where, reason in (
        ("ext", Ext(b"x"), "x", "JSON can't say an ext type"), ("NaN", float("nan"), "x", "JSON can't say NaN"),
        ("infinity inside", {"a": [0, float("inf")]}, "x.a[1]", "JSON can't say infinity"),
        ("keys that are no strings", [((1, 2),)], "x[0]", "map key is not a string"),
        ("a timestamp", Packed(b"\xd6\xff" + struct.pack(">I", 0)), "x", "JSON can't say an ext type"),
    ):
        yield refused(f"unknown key with {name}", "msgpack", pack({**RUN, "x": value}), where, reason)
    yield refused("a number too large for a float", "json", b'{"x":{"y":[1e999]}}', "x.y[0]", "a number is too large for a float")


def vectors():
    return [*known(), *unknown()]
