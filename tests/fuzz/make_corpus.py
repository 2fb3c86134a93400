#!/usr/bin/env python3
"""Writes the seed inputs of the codec's fuzz targets: corpus/header, /transcode and /differential.

Each is a small example of one thing that the readers tell apart; the fuzzer finds the rest.
"""

import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"
UUID = "123e4567-e89b-12d3-a456-426614174000"


class Ext(bytes):
    """An ext of type 1."""


def pack(value):
    """The shortest msgpack of plain values, whose order of keys is kept."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        if -32 <= value < 0:
            return struct.pack("b", value)
        return b"\xd3" + struct.pack(">q", value) if value < 0 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, Ext):
        return b"\xc7" + bytes([len(value), 1]) + value
    if isinstance(value, bytes):
        return b"\xc4" + bytes([len(value)]) + value
    if isinstance(value, str):
        octets = value.encode()
        head = bytes([0xA0 | len(octets)]) if len(octets) < 32 else bytes([0xD9, len(octets)])
        return head + octets
    if isinstance(value, list):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + struct.pack(">H", len(value))
        return head + b"".join(map(pack, value))
    head = bytes([0x80 | len(value)]) if len(value) < 16 else b"\xde" + struct.pack(">H", len(value))
    return head + b"".join(pack(key) + pack(item) for key, item in value.items())


PACKETS = {
    "run": {"packet_type": "RUN", "cookie": UUID, "pipeline": "demo.echo"},
    "run_all": {
        "packet_type": "RUN", "cookie": UUID.upper(), "pipeline": "d\u00e9mo", "variables": '{"a": 1}',
        "encoding": "json", "detach": True, "stream": False, "timeout": 60000, "wait": 0,
        "priority": 9, "retries": 100, "orphan": "cancel", "traceparent": "00-0af7-b7ad-01",
    },
    "cancel": {"packet_type": "CANCEL", "cookie": UUID},
    "register": {"packet_type": "REGISTER", "capacity": 4, "pipelines": ["a", "b.*"], "name": "n",
                 "heartbeat": 2000},
    "result": {"packet_type": "RESULT", "cookie": UUID, "rc": "OK", "result": "[1]"},
    "failure": {"packet_type": "RESULT", "cookie": UUID, "rc": "EXCEPTION", "error": "a\nb\"c",
                "stacktrace": ["one", "two"]},
    "partial": {"packet_type": "PARTIAL", "cookie": UUID, "seq": 2**64 - 1, "result": "x",
                "encoding": "raw"},
    "shutdown": {"packet_type": "SHUTDOWN"},
    "heartbeat": {"packet_type": "HEARTBEAT"},
    "nulls": {"packet_type": None, "cookie": None, "variables": None},
    "unknown": {"x": {"a": [1, -1.5, None, {"b": "\u20ac"}], "c": {}}, "y": [[[]]]},
    "many": {f"k{i}": i for i in range(20)},
}

JSON_HEADERS = {
    "escapes": r'{"p\u0061cket_type":"R\u0055N","name":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}',
    "spaces": '{ "variables" : "x" ,\n\t"wait" : 1 }\r\n',
    "twice": r'{"a":1,"\u0061":2}',
    "lone": r'{"error":"\ud83d","cookie":"' + UUID + '"}',
    "deep": '{"a":' + "[" * 15 + "]" * 15 + "}",
    "deeper": '{"a":' + "[" * 16 + "]" * 16 + "}",
    "numbers": '{"timeout":18446744073709551616,"wait":-0,"a":[-1.5e-3,0.0,1E+9]}',
    "cut_short": '{"packet_type":"RUN","cookie":"123e',
}

MSGPACK_HEADERS = {
    "cookie_bin": pack({"packet_type": "RUN", "cookie": bytes(range(16)), "pipeline": "p"}),
    "payload_bin": pack({"variables": b"\x81\x01\x02", "result": b"\xff"}),
    "odd_keys": pack({"x": {1: 1, b"k": 2, -1: 3, 1.5: 4, None: 5}}),
    "ext": pack({"x": Ext(b"abc")}),
    "map32": b"\xdf\0\0\0\x01\xa1a\xdd\0\0\0\x01\xdb\0\0\0\x01b",
    "twice": b"\x82\xa1a\x01\xd9\x01a\x02",
    "not_a_string": b"\x81\x01\x02",
    "claim": b"\x81\xa1a\xdd\xff\xff\xff\xff",
}

DOCUMENTS = {
    "scalars": [None, True, False, 0, -1, 2**63, -(2**63), 2**64 - 1, 1.0, -0.0, 0.1, 5e-324, 1e300],
    "strings": ["", "a", "\u00e9\u20ac\U0001f600", "\0\x1f\"\\/\x7f", "x" * 40],
    "maps": {"a": {"b": {"c": []}}, "": {}, "k": [{}, {"l": 1}]},
    "wide_array": [list(range(17)), 1, [[0] * 20]],
    "wide_map": {f"k{i}": [i] for i in range(18)},
}

JSON_DOCUMENTS = {
    "integers_beyond": "[18446744073709551616,-9223372036854775809,1e400]",
    "long_number": "0." + "0" * 30 + "123456789012345678901234567890e40",
    "exact_half": "1.00000000000000011102230246251565404236316680908203125",
    "spaces": ' { "a" : [ 1 , 2 ] } ',
    "twice": '{"a":1,"a":2}',
    "deep": "[" * 100 + "]" * 100,
    "broken": '{"a":[1,{"b":tru}]}',
}

MSGPACK_DOCUMENTS = {
    "bins": pack([b"", b"a", b"ab", b"abc", bytes(range(50))]),
    "float32": b"\x93\xca\x3d\xcc\xcc\xcd\xca\x7f\x7f\xff\xff\xca\0\0\0\x01",
    "nan": b"\x91\xcb\x7f\xf8\0\0\0\0\0\0",
    "ext": pack({"a": [Ext(b"x")]}),
    "odd_key": pack({"a": {1: 2}}),
    "not_utf8": b"\xa2\xff\xfe",
    "wide_heads": b"\xdd\0\0\0\x02\xdf\0\0\0\x01\xdb\0\0\0\x01a\xd3\xff\xff\xff\xff\xff\xff\xff\xff\xcf\0\0\0\0\0\0\0\x01",
}


def write(target, name, octets):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(octets)
    if target != "differential":  # the same examples, with what they are in front
        kind = b"h" if target == "header" else b""
        write("differential", f"{target}_{name}", kind + octets)


def text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


for name, packet in PACKETS.items():
    write("header", f"json_{name}", text(packet))
    write("header", f"msgpack_{name}", pack(packet))
for name, header in JSON_HEADERS.items():
    write("header", f"json_{name}", header.encode())
for name, header in MSGPACK_HEADERS.items():
    write("header", f"msgpack_{name}", header)
for name, document in DOCUMENTS.items():
    write("transcode", f"json_{name}", b"j" + text(document))
    write("transcode", f"msgpack_{name}", b"m" + pack(document))
for name, document in JSON_DOCUMENTS.items():
    write("transcode", f"json_{name}", b"j" + document.encode())
for name, document in MSGPACK_DOCUMENTS.items():
    write("transcode", f"msgpack_{name}", b"m" + document)
