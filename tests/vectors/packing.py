"""msgpack and JSON spelled out, for make_vectors.py: no library, so that nothing decides for us."""

import json
import struct


class Ext(bytes):
    """An ext of type 5."""


class Packed(bytes):
    """msgpack octets that stand for themselves."""


class Text(str):
    """JSON text that stands for itself."""


def _head(len_, heads):
    """The shortest of (most, format, head) that can tell a length."""
    for most, form, head in heads:
        if len_ <= most:
            return bytes([head | len_]) if form == "fix" else struct.pack(">B" + form, head, len_)
    raise ValueError(len_)


def _pack_int(value):
    if 0 <= value < 128 or -32 <= value < 0:
        return bytes([value & 0xFF])
    forms = (("B", 0xCC), ("H", 0xCD), ("I", 0xCE), ("Q", 0xCF)) if value > 0 else (
        ("b", 0xD0), ("h", 0xD1), ("i", 0xD2), ("q", 0xD3))
    for form, head in forms:
        try:
            return struct.pack(">B" + form, head, value)
        except struct.error:
            continue
    raise ValueError(value)


def pack(value):
    """The shortest msgpack, keys in their order; a dict or a list of pairs in a tuple is a map."""
    if isinstance(value, Packed):
        return bytes(value)
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return _pack_int(value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, Ext):
        return bytes([0xC7, len(value), 5]) + value
    if isinstance(value, bytes):
        return _head(len(value), ((0xFF, "B", 0xC4), (0xFFFF, "H", 0xC5), (2**32, "I", 0xC6))) + value
    if isinstance(value, str):
        octets = value.encode()
        heads = ((31, "fix", 0xA0), (0xFF, "B", 0xD9), (0xFFFF, "H", 0xDA), (2**32, "I", 0xDB))
        return _head(len(octets), heads) + octets
    if isinstance(value, list):
        return _head(len(value), ((15, "fix", 0x90), (0xFFFF, "H", 0xDC), (2**32, "I", 0xDD))) + b"".join(map(pack, value))
    pairs = list(value.items()) if isinstance(value, dict) else value
    head = _head(len(pairs), ((15, "fix", 0x80), (0xFFFF, "H", 0xDE), (2**32, "I", 0xDF)))
    return head + b"".join(pack(key) + pack(item) for key, item in pairs)


def spell(value):
    """Compact JSON; a list of pairs in a tuple is an object, perhaps with a key twice."""
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(spell, value)) + "]"
    if isinstance(value, dict):
        value = tuple(value.items())
    if isinstance(value, tuple):
        return "{" + ",".join(spell(key) + ":" + spell(item) for key, item in value) + "}"
    if isinstance(value, bytes):
        raise ValueError("JSON has no bin")
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
