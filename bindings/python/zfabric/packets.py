"""Octets to headers and documents and back (docs/PROTOCOL.md, section 2). No sockets here.

What is read is judged as strictly as the broker does; ValueError says why it is refused.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

import msgpack

from .errors import RESULT_CODES

HEADER_OCTETS = 65536
HEADER_DEPTH = 16
CODECS = ("json", "msgpack")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_BIG = 2**64 - 1


def codec_of(header: bytes) -> str:
    """The codec that the first octet of a header tells."""
    first = header[0] if header else 0
    if first == 0x7B:
        return "json"
    if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
        return "msgpack"
    raise ValueError("header: neither a JSON object nor a msgpack map")


def encode(value: Any, codec: str) -> bytes:
    """A document."""
    if codec == "json":
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return msgpack.packb(value, use_bin_type=True)  # type: ignore[no-any-return]


def _no_constant(name: str) -> Any:
    raise ValueError(f"malformed JSON: {name}")


def _integer(text: str) -> Any:
    value = int(text)
    return value if -(2**63) <= value <= _BIG else _finite(text)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large for a float")
    return value


def decode(octets: bytes, codec: str) -> Any:
    """A document's value; msgpack bin is bytes."""
    try:
        if codec == "json":
            value = json.loads(octets.decode(), parse_int=_integer, parse_float=_finite,
                               parse_constant=_no_constant)
            if b"\\u" in octets:
                _check_unicode(value)
            return value
        return msgpack.unpackb(octets, raw=False, strict_map_key=False)
    except RecursionError:
        raise ValueError(f"malformed {codec}: nested too deep") from None
    except (TypeError, msgpack.exceptions.UnpackException) as error:
        raise ValueError(f"malformed {codec}: {error}") from None


def _check_unicode(value: Any) -> None:
    json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate raises UnicodeEncodeError


def _unique(pairs: List[Tuple[Any, Any]]) -> Dict[Any, Any]:
    found: Dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key}: appears twice")
        found[key] = value
    return found


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, (dict, list)):
        if left == 0:
            raise ValueError("nested too deep")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, left - 1)


def _header_integer(text: str) -> int:
    return int(text) if len(text) < 40 else (_BIG if text[0] != "-" else -1)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _between(low: int, high: Optional[int] = None) -> Callable[[Any], bool]:
    return lambda value: (isinstance(value, int) and not isinstance(value, bool)
                          and value >= low and (high is None or value <= high))


def _name(value: Any) -> bool:
    return (isinstance(value, str) and 1 <= len(value.encode()) <= 255
            and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value))


def _pattern(value: Any) -> bool:
    return _name(value) and not value.startswith("$") and "*" not in value[:-1]


def _cookie(value: Any) -> bool:
    if isinstance(value, bytes):
        return len(value) == 16
    return isinstance(value, str) and bool(_UUID.match(value))


_KEYS: Dict[str, Callable[[Any], bool]] = {
    "packet_type": _text, "error": _text, "name": _text,
    "cookie": _cookie, "pipeline": _name,
    "variables": lambda v: isinstance(v, (str, bytes)), "result": lambda v: isinstance(v, (str, bytes)),
    "encoding": lambda v: v in ("json", "msgpack", "raw"),
    "detach": _boolean, "stream": _boolean,
    "timeout": _between(1), "wait": _between(0), "priority": _between(0, 9),
    "retries": _between(0, 100), "capacity": _between(0, 65535), "heartbeat": _between(100),
    "seq": _between(0),
    "orphan": lambda v: v in ("finish", "cancel"),
    "rc": lambda v: isinstance(v, str) and v in RESULT_CODES,
    "pipelines": lambda v: (isinstance(v, list) and 1 <= len(v) <= 1024 and all(map(_pattern, v))),
    "stacktrace": lambda v: isinstance(v, list) and all(map(_text, v)),
}
_INTEGERS = ("timeout", "wait", "priority", "retries", "capacity", "heartbeat", "seq")


def read_header(octets: bytes) -> Tuple[str, Dict[str, Any]]:
    """(codec, members) of a header; keys that are null are left out, cookies are 36-character strings."""
    if len(octets) > HEADER_OCTETS:
        raise ValueError("header: too long")
    codec = codec_of(octets)
    try:
        if codec == "json":
            members = json.loads(octets.decode(), object_pairs_hook=_unique, parse_int=_header_integer,
                                 parse_constant=_no_constant)
            if b"\\u" in octets:
                _check_unicode(members)
        else:
            members = msgpack.unpackb(octets, raw=False, strict_map_key=False, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("header: nested too deep") from None
    except (TypeError, msgpack.exceptions.UnpackException) as error:
        raise ValueError(f"header: malformed {codec}: {error}") from None
    _check_depth(members, HEADER_DEPTH)
    header: Dict[str, Any] = {}
    for key, value in members.items():
        if not isinstance(key, str):
            raise ValueError("header: a key is not a string")
        if value is None:
            continue
        check = _KEYS.get(key)
        if check is not None and not check(value):
            raise ValueError(f"{key}: wrong type or out of range")
        if key == "cookie":
            value = str(uuid.UUID(bytes=value) if isinstance(value, bytes) else uuid.UUID(value))
        elif key in _INTEGERS:
            value = min(value, _BIG)
        header[key] = value
    return codec, header


def payload_of(codec: str, header: Dict[str, Any], frames: List[bytes]) -> Any:
    """The document of a packet, from its second frame or inline; None where there is none."""
    octets: Any = frames[1] if len(frames) > 1 else b""
    for key in ("variables", "result"):
        if key in header:
            octets = header[key]
    if isinstance(octets, str):
        octets = octets.encode()
    encoding = header.get("encoding", codec)
    if encoding == "raw":
        return octets
    return decode(octets, encoding) if octets else None


def write(header: Dict[str, Any], codec: str, *payload: bytes) -> List[bytes]:
    """The frames of a packet; keys that are None are left out."""
    first = encode({key: value for key, value in header.items() if value is not None}, codec)
    if len(first) > HEADER_OCTETS:
        raise ValueError("header: longer than 65,536 octets")
    return [first, *payload]


def document(value: Any, codec: str, encoding: Optional[str]) -> bytes:
    """The payload frame of `value`; for "raw" the octets themselves."""
    if encoding == "raw":
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError("raw payloads are bytes")
        return bytes(value)
    return b"" if value is None else encode(value, encoding or codec)
