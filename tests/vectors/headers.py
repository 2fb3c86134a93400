"""Headers: every row of PROTOCOL 2's table, its edges, and what any header must be."""

from packing import Ext, Packed, Text, pack, spell

UUID = "123e4567-e89b-12d3-a456-426614174000"
OCTETS = bytes.fromhex(UUID.replace("-", ""))
RCS = ("OK BAD_PACKET UNSUPPORTED_PACKET_TYPE NO_CAPACITY COOKIE_NOT_FOUND COOKIE_COLLISION WORKER_WENT_AWAY "
       "BROKER_WENT_AWAY PROCESSOR_EXCEPTION EXCEPTION CANCELLED TIMED_OUT FORBIDDEN").split()
TYPES = "REGISTER RUN CANCEL PARTIAL RESULT SHUTDOWN HEARTBEAT".split()
NEEDED = {"RUN": ["cookie", "pipeline"], "CANCEL": ["cookie"], "PARTIAL": ["cookie"],
          "RESULT": ["cookie", "rc"], "REGISTER": ["capacity"]}

# key: what it must be, and values that it may have. Values that it may not have are below.
STRING, TEXTS, PAYLOAD = "not a string", "not an array of strings", "not a string or bin"
KEYS = {
    "packet_type": (STRING, [*TYPES, "GREETING", "run", ""]),
    "cookie": ("not a UUID", [UUID, UUID.upper(), UUID[:18].upper() + UUID[18:], OCTETS]),
    "pipeline": ("not a string of 1 to 255 octets without control characters",
                 ["a", "$status", "caf\u00e9 \U0001f600 \"\\/", "x" * 255, "\u00e9" * 127, "\u00a0"]),
    "variables": (PAYLOAD, ["", '{"a": 1}', "\0\n\u20ac", b"", b"\x81\xa1a\x01", b"\xff\xfe"]),
    "encoding": ('not "json", "msgpack" or "raw"', ["json", "msgpack", "raw"]),
    "detach": ("not a boolean", [True, False]),
    "stream": ("not a boolean", [True, False]),
    "timeout": ("not an integer >= 1", [1, 2, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]),
    "wait": ("not an integer >= 0", [0, 1, 2**53 + 1, 2**64 - 1]),
    "priority": ("not an integer from 0 to 9", list(range(10))),
    "retries": ("not an integer from 0 to 100", [0, 1, 99, 100]),
    "orphan": ('not "finish" or "cancel"', ["finish", "cancel"]),
    "capacity": ("not an integer from 0 to 65535", [0, 1, 127, 128, 255, 256, 65535]),
    "pipelines": ("not an array of 1 to 1024 pipelines or prefixes",
                  [["a"], ["*"], ["a.*", "b", "\u00e9*"], ["x" * 255], [f"p{i}" for i in range(1024)]]),
    "name": (STRING, ["", "worker 1", "\u0000\u001f\u20ac"]),
    "heartbeat": ("not an integer >= 100", [100, 101, 2**64 - 1]),
    "rc": ("not a result code", RCS),
    "error": (STRING, ["", "a\nb\t\"c\"", "\U0010ffff"]),
    "stacktrace": (TEXTS, [[], [""], ["one", "tw\u00f6"]]),
    "result": (PAYLOAD, ["", "[1]", b"", b"\x91\x01"]),
    "seq": ("not an integer >= 0", [0, 1, 2**32, 2**53 + 1, 2**64 - 1]),
}

# Values that are wrong wherever they are not right, by a name for each.
SHAPES = {
    "true": True, "zero": 0, "minus_one": -1, "minus_2_63": -(2**63), "float": 1.0, "float_half": 0.5,
    "empty_string": "", "string": "x", "digits": "5", "empty_array": [], "array_of_numbers": [1],
    "array_of_arrays": [["a"]], "array_with_null": ["a", None], "array_of_strings": ["a"], "map": {}, "map_of_one": {"a": 1},
}
MSGPACK_SHAPES = {"bin": b"x", "ext": Ext(b"x"), "nan": float("nan"), "float32": Packed(b"\xca\x3f\x80\0\0"),
                  "array_of_bin": [b"a"]}

# Further values that a key refuses.
WRONG = {
    "cookie": [UUID[:-1], UUID + "0", UUID.replace("-", ""), "{" + UUID + "}", UUID.replace("1", "g", 1),
               UUID.replace("-", "_"), "0" + UUID[:-1], " " + UUID[1:], OCTETS[:15], OCTETS + b"\0", UUID.encode()],
    "pipeline": ["x" * 256, "\u00e9" * 128, "a\0", "a\x1f", "\n", "\x7f", "\u0080", "a\u009f"],
    "encoding": ["JSON", "msgpack ", "text"],
    "orphan": ["Finish", "keep"],
    "rc": ["ok", "OKAY", "OK\0"],
    "priority": [10, 255, 256, 2**64 - 1],
    "retries": [101, 256, 2**64 - 1],
    "capacity": [65536, 2**32, 2**64 - 1],
    "heartbeat": [99, 1],
    "pipelines": [[""], ["a", "$ping"], ["$*"], ["x" * 256], ["a\n"], ["a"] * 1025, ["a", 1]],
}


def is_right(key, value):
    """Whether one of SHAPES is among what a key may be, by its rule in the table."""
    why = KEYS[key][0]
    if why in (STRING, PAYLOAD):
        return isinstance(value, str) or (why == PAYLOAD and type(value) is bytes)
    if why == TEXTS or key == "pipelines":
        strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return strings and (bool(value) or key != "pipelines")
    if key in ("detach", "stream"):
        return isinstance(value, bool)
    if why.startswith("not an integer"):
        least, most = {"priority": (0, 9), "retries": (0, 100), "capacity": (0, 65535), "timeout": (1, 2**64),
                       "heartbeat": (100, 2**64)}.get(key, (0, 2**64))
        return type(value) is int and least <= value <= most
    return key == "pipeline" and isinstance(value, str) and value != ""


def meaning(members):
    """What a header says, in the form that README.md tells."""
    said = {}
    for key, value in members.items():
        if key not in KEYS or value is None:
            continue
        if key in ("variables", "result"):
            value = (value if isinstance(value, bytes) else value.encode()).hex()
        elif key == "cookie":
            value = value.hex() if isinstance(value, bytes) else value.replace("-", "").lower()
        elif type(value) is int:
            value = str(min(value, 2**64 - 1))
        said[key] = value
    return said


def octets_as(octets):
    """Long runs of one octet are told by their count."""
    longest = max(set(octets), key=octets.count) if octets else 0
    run = bytes([longest]) * 1000
    if run not in octets:
        return {"hex": octets.hex()}
    start = octets.index(run)
    end = start
    while end < len(octets) and octets[end] == longest:
        end += 1
    parts = [[octets[:start].hex(), 1], [run[:1].hex(), end - start], [octets[end:].hex(), 1]]
    return {"parts": [part for part in parts if part[0]]}


def valid(name, codec, octets, said):
    vector = {"name": f"{codec}: {name}", "codec": codec, **octets_as(octets), "valid": True, "meaning": said}
    lacks = [key for key in NEEDED.get(said.get("packet_type"), ()) if key not in said]
    if "packet_type" not in said:
        lacks = ["packet_type"]
    if lacks:
        vector["lacks"] = lacks[0]
    return vector


def invalid(name, codec, octets, where, reason):
    return {"name": f"{codec}: {name}", "codec": codec, **octets_as(octets), "valid": False, "where": where,
            "reason": reason}


def in_both(name, members):
    """A valid header in both codecs, or in msgpack only if there is a bin in it."""
    if not any(isinstance(value, bytes) for value in members.values()):
        yield valid(name, "json", spell(members).encode(), meaning(members))
    yield valid(name, "msgpack", pack(members), meaning(members))


def refused(name, members, where, reason):
    try:
        yield invalid(name, "json", spell(members).encode(), where, reason)
    except ValueError:
        pass  # only msgpack can say it
    yield invalid(name, "msgpack", pack(members), where, reason)


def packets():
    run = {"packet_type": "RUN", "cookie": UUID, "pipeline": "demo.echo"}
    yield from in_both("a RUN", run)
    yield from in_both("a RUN with every key", {
        **run, "variables": "[1]", "encoding": "json", "detach": True, "stream": False, "timeout": 60000, "wait": 0,
        "priority": 9, "retries": 100, "orphan": "cancel", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b71-01"})
    yield from in_both("a REGISTER", {"packet_type": "REGISTER", "capacity": 4, "pipelines": ["a", "b.*"], "name": "n",
                                      "heartbeat": 2000})
    yield from in_both("a RESULT", {"packet_type": "RESULT", "cookie": UUID, "rc": "EXCEPTION", "error": "it broke",
                                    "stacktrace": ["one", "two"], "result": "null"})
    yield from in_both("a PARTIAL", {"packet_type": "PARTIAL", "cookie": UUID, "seq": 3, "result": "1"})
    yield from in_both("nothing at all", {})
    yield from in_both("nothing but nulls", {key: None for key in KEYS})
    yield from in_both("known keys after unknown ones", {"x": [1, {"cookie": 1}], **run, "wait_": 1, "Cookie": 2})


def rows():
    for key, (why, values) in KEYS.items():
        for number, value in enumerate(values):
            yield from in_both(f"{key}, right {number}", {key: value})
        yield from in_both(f"{key}, null", {key: None, "wait": 1} if key != "wait" else {key: None, "seq": 1})
        for shape, value in SHAPES.items():
            if not is_right(key, value):
                yield from refused(f"{key}, {shape}", {key: value}, key, why)
        for shape, value in MSGPACK_SHAPES.items():
            if not is_right(key, value):
                yield invalid(f"{key}, {shape}", "msgpack", pack({key: value}), key, why)
        for number, value in enumerate(WRONG.get(key, ())):
            yield from refused(f"{key}, wrong {number}", {key: value}, key, why)
        yield from twice(key, values[0])


def twice(key, value):
    for name, pairs in ("twice", ((key, value), (key, value))), ("twice, once null", ((key, None), (key, value))):
        yield from refused(f"{key}, {name}", pairs, key, "appears twice")
    escaped = Text('"\\u%04x%s"' % (ord(key[0]), key[1:]))
    yield invalid(f"{key}, twice, once with an escape", "json", spell(((key, value), (escaped, value))).encode(), key,
                  "appears twice")


def spellings():
    """The same said in other ways."""
    said = {"packet_type": "RUN", "timeout": "60"}
    text = '\ufeff{"packet_type":"RUN","timeout":60}'
    yield valid("spaces", "json", b'{\t"packet_type" :\r\n "RUN" , "timeout" : 60 }\n ', said)
    yield valid("escapes", "json", rb'{"p\u0061cket_type":"\u0052U\u004E","t\u0069meout":60}', said)
    yield valid("every escape", "json", rb'{"error":"\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00\u0000"}',
                {"error": '"\\/\b\f\n\r\t\u00e9\u20ac\U0001f600\0'})
    yield valid("minus zero", "json", b'{"wait":-0}', {"wait": "0"})
    for number in (2**64, 10**30):
        yield valid(f"an integer beyond 2^64-1, {number}", "json", b'{"timeout":%d}' % number,
                    {"timeout": str(2**64 - 1)})
    for number in "60.0", "6e1", "60E0", "-1", "18446744073709551616.0":
        yield invalid(f"timeout spelt {number}", "json", b'{"timeout":%s}' % number.encode(), "timeout",
                      "not an integer >= 1")
    for number in "060", "+60", "1x3c", "60.", ".6", "6e", "1_0", "Infinity", "NaN":
        yield invalid(f"timeout spelt {number}", "json", b'{"timeout":%s}' % number.encode(), "timeout",
                      "malformed JSON")
    for head, octets in ("map16", b"\xde\0\x02"), ("map32", b"\xdf\0\0\0\x02"):
        yield valid(f"a {head} of two", "msgpack", octets + b"\xabpacket_type\xa3RUN\xa7timeout\x3c", said)
    for name, octets in (("uint8", b"\xcc\x3c"), ("uint16", b"\xcd\0\x3c"), ("uint32", b"\xce\0\0\0\x3c"),
                         ("uint64", b"\xcf" + b"\0" * 7 + b"\x3c"), ("int8", b"\xd0\x3c"), ("int16", b"\xd1\0\x3c"),
                         ("int32", b"\xd2\0\0\0\x3c"), ("int64", b"\xd3" + b"\0" * 7 + b"\x3c")):
        yield valid(f"timeout as {name}", "msgpack", b"\x81\xa7timeout" + octets, {"timeout": "60"})
    for name, octets in ("str8", b"\xd9\x03RUN"), ("str16", b"\xda\0\x03RUN"), ("str32", b"\xdb\0\0\0\x03RUN"):
        yield valid(f"packet_type as {name}", "msgpack", b"\x81\xd9\x0bpacket_type" + octets, {"packet_type": "RUN"})
    vector = invalid("a byte order mark", "none", text.encode(), "header", "neither a JSON object nor a msgpack map")
    yield {**vector, "codec": None}


def unknown():
    """Keys without a meaning: any shape is kept; a key twice is refused at any depth."""
    shapes = {"numbers": [0, -1, 1.5, 2**64 - 1, -(2**63)], "texts": ["", "\0", "\u20ac"], "nothing": [None, True],
              "maps": {"": {}, "a": {"b": [{}]}}}
    yield from in_both("unknown keys of any shape", {"packet_type": "HEARTBEAT", **shapes, "": 1})
    for name, value in (("ext", Ext(b"abc")), ("bin", b"\xff"), ("NaN", float("nan")), ("a timestamp", Packed(b"\xd6\xff\0\0\0\0")),
                        ("keys that are no strings", ((1, 2), (None, 3), (b"1", 4), (1.5, 5)))):
        yield valid(f"an unknown key with {name}", "msgpack", pack({"x": value}), {})
    yield from refused("an unknown key twice", (("x", 1), ("y", 1), ("x", 2)), "x", "appears twice")
    yield from refused("a key twice inside", {"x": [(("k", 1), ("k", 1))]}, "x", "key k appears twice inside")
    many = tuple((f"k{i}", i) for i in range(300)) + (("k7", 0),)
    yield from refused("a key twice among many", many, "k7", "appears twice")
    yield invalid("an unknown key twice, once with an escape", "json", rb'{"x":1,"\u0078":2}', "", "")
    yield invalid("an integer twice inside, in two widths", "msgpack", b"\x81\xa1x\x82\x01\x02\xcc\x01\x03", "x",
                  "key that is no string appears twice inside")
    for name, key in ("an integer", 1), ("a bin", b"cookie"), ("nil", None), ("an array", ["a"]):
        octets = b"\x81" + pack(key) + b"\x01"
        yield invalid(f"a key that is {name}", "msgpack", octets, "header", "a key is not a string")


def limits():
    for depth, good in (16, True), (17, False):
        inner = depth - 1
        for name, json_text, octets in (
            ("arrays", '{"x":' + "[" * inner + "]" * inner + "}", b"\x81\xa1x" + b"\x91" * (inner - 1) + b"\x90"),
            ("maps", '{"x":' * inner + "{}" + "}" * inner, b"\x81\xa1x" * inner + b"\x80"),
        ):
            for codec, header in ("json", json_text.encode()), ("msgpack", octets):
                yield valid(f"{name} {depth} deep", codec, header, {}) if good else invalid(
                    f"{name} {depth} deep", codec, header, "x", f"malformed {'JSON' if codec == 'json' else codec}")
    for length, good in (65536, True), (65537, False):
        heads = ("json", b'{"x":"', b'"}'), ("msgpack", b"\x81\xa1x\xda" + (length - 6).to_bytes(2, "big"), b"")
        for codec, head, tail in heads:
            octets = head + b"a" * (length - len(head) - len(tail)) + tail
            name = f"{length} octets"
            yield valid(name, codec, octets, {}) if good else invalid(
                name, codec, octets, "header", "longer than 65536 octets")


BAD_UTF8 = (b"\x80", b"\xbf", b"\xc3", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xe2\x82", b"\xed\xa0\x80",
            b"\xed\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff")


def utf8():
    for bad in BAD_UTF8:
        tried = bad.hex(" ")
        for key in "error", "x":
            yield invalid(f"{key} with {tried}", "json", b'{"%s":"a%s"}' % (key.encode(), bad), key, "not UTF-8")
            octets = b"\x81" + pack(key) + bytes([0xA0 | len(bad) + 1]) + b"a" + bad
            yield invalid(f"{key} with {tried}", "msgpack", octets, key, "not UTF-8")
        yield invalid(f"a key with {tried}", "json", b'{"%s":1}' % bad, "", "")
        yield invalid(f"a key with {tried}", "msgpack", b"\x81" + bytes([0xA0 | len(bad)]) + bad + b"\x01", "", "")
    for lone in r"\ud800", r"\udfff", r"\ud83d\ud83d", r"\ude00\ud83d", r"\ud83dx":
        yield invalid(f"error with {lone}", "json", b'{"error":"%s"}' % lone.encode(), "error", "not Unicode: a lone surrogate")
    for good in "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff":
        yield from in_both(f"error with U+{ord(good):04X}", {"error": good})


def malformed():
    for text in ("{", '{"', '{"x', '{"x"', '{"x":', '{"x":1', '{"x":1,', '{"x":1,}', '{,}', '{"x" 1}', '{"x":1 "y":2}', "{x:1}",
                 "{'x':1}", '{"x":[1,]}', '{"x":[1 2]}', '{"x":tru}', '{"x":nulL}', '{"x":}', '{"x":1}}', '{"x":1} x', '{"x":"\\x"}',
                 '{"x":"\\u12"}', '{"x":"\\u12g4"}', '{"x":"\n"}', '{"x":"\x1f"}', '{"x":1}\0', '{/**/}', '{"x":[}', '{"x":01}', "{null:1}"):
        yield invalid(f"malformed: {text!r}", "json", text.encode(), "", "")
    for octets in (b"\x81", b"\x81\xa1", b"\x81\xa1x", b"\x81\xa1x\xc1", b"\x80\xc0", b"\x81\xa1x\xd9\x05abcd", b"\x81\xa1x\xcd\x01",
                   b"\x81\xa1x\xca\0\0\0", b"\x81\xa1x\xcb\0\0\0\0\0\0\0", b"\x81\xa1x\xdd\xff\xff\xff\xff", b"\x81\xa1x\xdf\xff\xff\xff\xff",
                   b"\x81\xa1x\xc6\xff\xff\xff\xff", b"\x81\xa1x\xdb\xff\xff\xff\xff", b"\x81\xa1x\xc9\xff\xff\xff\xff\x01", b"\x8f\xa1x\x01",
                   b"\xde\xff\xff", b"\xdf\xff\xff\xff\xff\xa1x\x01", b"\x82\xa1x\x01", b"\x81\xa1x\xc7\x02\x05a", b"\x81\xa1x\xd8\x05a"):
        yield invalid(f"malformed: {octets.hex(' ')}", "msgpack", octets, "", "")
    for name, octets in (("nothing", b""), ("a space first", b' {"wait":1}'), ("a JSON array", b"[]"), ("a msgpack array", b"\x90"),
                         ("a string", b'"RUN"'), ("nil", b"\xc0"), ("zeros", b"\0\0\0\0"), ("text", b"RUN")):
        vector = invalid(name, "none", octets, "header", "empty" if not octets else "neither a JSON object nor a msgpack map")
        yield {**vector, "codec": None}


def vectors():
    return [*packets(), *rows(), *spellings(), *unknown(), *limits(), *utf8(), *malformed()]
