"""Packets of the fabric protocol, written from docs/PROTOCOL.md section 2 alone."""

import json
import uuid

import msgpack

JSON = "json"
MSGPACK = "msgpack"
BOTH = (JSON, MSGPACK)
WITH_PAYLOAD = ("RUN", "PARTIAL", "RESULT")
MSGPACK_FIRST = frozenset([*range(0x80, 0x90), 0xDE, 0xDF])


def other(codec):
    return MSGPACK if codec == JSON else JSON


def encode(document, codec):
    """A document as octets of `codec`."""
    if codec == JSON:
        return json.dumps(document, ensure_ascii=False).encode()
    return msgpack.packb(document, use_bin_type=True)


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key appears twice in {pairs}")
    return found


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def decode(octets, codec):
    """The document in octets of `codec`; ValueError unless there is exactly one, well formed."""
    if codec == JSON:
        text = octets.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    return msgpack.unpackb(
        octets, raw=False, strict_map_key=False, object_pairs_hook=_unique, timestamp=0
    )


def sniff(header):
    """The codec of a header, by its first octet; None if it is none's."""
    if header[:1] == b"{":
        return JSON
    return MSGPACK if header[:1] and header[0] in MSGPACK_FIRST else None


def new_cookie():
    return str(uuid.uuid4())


def cookie_uuid(value):
    """What a cookie means, however it is spelled; None for None."""
    if value is None:
        return None
    return uuid.UUID(bytes=value) if isinstance(value, bytes) else uuid.UUID(value)


def split_map(octets):
    """A msgpack map given as a list of (key octets, value octets), each already encoded."""
    return msgpack.Packer().pack_map_header(len(octets)) + b"".join(k + v for k, v in octets)


def json_text(*members):
    """A JSON object from members given as text; may say the same key twice."""
    return ("{" + ",".join(members) + "}").encode()


class Packet:
    """A packet as it came from the broker, checked to be one."""

    def __init__(self, frames):
        self.frames = frames
        self.codec = sniff(frames[0])
        if self.codec is None or len(frames) > 2:
            raise AssertionError(f"not a packet: {frames!r:.500}")
        self.header = decode(frames[0], self.codec)
        self.payload = frames[1] if len(frames) == 2 else b""
        self.type = self.header["packet_type"]
        self.rc = self.header.get("rc")
        self.error = self.header.get("error")
        self.cookie = cookie_uuid(self.header.get("cookie"))
        self._check_form()

    def _check_form(self):
        """PROTOCOL 2: the broker always delivers the two-frame form."""
        if self.type in WITH_PAYLOAD and len(self.frames) != 2:
            raise AssertionError(f"not in two frames: {self}")
        for key in ("variables", "result"):
            if self.header.get(key) is not None:
                raise AssertionError(f"delivered with its payload inside: {self}")

    @property
    def encoding(self):
        return self.header.get("encoding") or self.codec

    def document(self):
        """The payload's document, in whatever encoding it says it is."""
        return decode(self.payload, self.encoding)

    def __repr__(self):
        return f"{self.header} + {len(self.payload)} octets {self.payload!r:.80}"
