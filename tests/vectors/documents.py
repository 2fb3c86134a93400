"""Documents from one codec to the other (PROTOCOL 6), and those that can't be said in it."""

import struct

from headers import BAD_UTF8
from packing import Ext, pack


def tagged(value):
    """A value in the form that README.md tells: nothing that a JSON reader could round or lose."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"integer": str(value)}
    if isinstance(value, float):
        return {"float": struct.pack(">d", value).hex()}
    if isinstance(value, str):
        return {"string": value}
    if isinstance(value, bytes):
        return {"bin": value.hex()}
    if isinstance(value, list):
        return [tagged(item) for item in value]
    return {"map": [[tagged(key), tagged(item)] for key, item in (value.items() if isinstance(value, dict) else value)]}


def one_way(name, source, octets, out, value):
    target = "msgpack" if source == "json" else "json"
    return {"name": f"{source} to {target}: {name}", "from": source, "to": target, "hex": octets.hex(), "valid": True,
            "value": tagged(value), "out": out.hex()}


def both_ways(name, text, value):
    """The JSON text and the shortest msgpack become each other."""
    octets = pack(value)
    yield one_way(name, "json", text.encode(), octets, value)
    yield one_way(name, "msgpack", octets, text.encode(), value)


def refused(name, source, octets, where, reason):
    target = "msgpack" if source == "json" else "json"
    return {"name": f"{source} to {target}: {name}", "from": source, "to": target, "hex": octets.hex(), "valid": False,
            "where": where, "reason": reason}


def integers():
    edges = {0}
    for bits in (5, 7, 8, 15, 16, 24, 31, 32, 53, 62, 63, 64):
        edges |= {sign * 2**bits + near for near in (-2, -1, 0, 1, 2) for sign in (1, -1)}
    digits = {int("9" * count) for count in range(1, 20)} | {10**count for count in range(1, 20)} | {12345678901234567890}
    edges |= digits | {-number for number in digits}
    for number in sorted(edges):
        if -(2**63) <= number < 2**64:
            yield from both_ways(f"integer {number}", str(number), number)
        else:
            yield one_way(f"integer {number}, a float", "json", str(number).encode(), pack(float(number)), float(number))
    yield one_way("integer -0", "json", b"-0", pack(0), 0)
    for number in (10**30, -(10**300), 2**1023):
        yield one_way(f"integer {str(number)[:3]}... of {len(str(number))} octets", "json", str(number).encode(),
                      pack(float(number)), float(number))
    for form, head, values in (("B", 0xCC, (0, 127, 255)), ("H", 0xCD, (0, 255, 65535)), ("I", 0xCE, (0, 65535, 2**32 - 1)),
                               ("Q", 0xCF, (0, 2**32, 2**64 - 1)), ("b", 0xD0, (0, -1, 127, -128)), ("h", 0xD1, (0, -1, -32768)),
                               ("i", 0xD2, (0, -1, 2**31 - 1, -(2**31))), ("q", 0xD3, (0, -1, 2**63 - 1, -(2**63)))):
        for value in values:
            octets = struct.pack(">B" + form, head, value)
            if octets != pack(value):
                yield one_way(f"integer {value} as {octets.hex(' ')}", "msgpack", octets, str(value).encode(), value)


FLOATS = {
    "0.0": 0.0, "-0.0": -0.0, "1.0": 1.0, "-1.0": -1.0, "0.1": 0.1, "-0.1": -0.1, "0.3": 0.3, "0.30000000000000004": 0.1 + 0.2,
    "5e-324": 5e-324, "-5e-324": -5e-324, "2.2250738585072014e-308": 2.2250738585072014e-308,
    "2.225073858507201e-308": 2.225073858507201e-308, "1.7976931348623157e308": 1.7976931348623157e308,
    "-1.7976931348623157e308": -1.7976931348623157e308, "3.141592653589793": 3.141592653589793, "0.3333333333333333": 1 / 3,
    "123456.789": 123456.789, "4503599627370495.5": 4503599627370495.5, "9007199254740992.0": 2.0**53,
    "9.999999999999999e22": 1e23, "0.0001": 0.0001, "0.001": 0.001, "100.0": 100.0,
    "1.5e300": 1.5e300, "1e-7": 1e-7, "4.35": 4.35, "1.1": 1.1, "1234567890.125": 1234567890.125,
}


def floats():
    for text, value in FLOATS.items():
        yield from both_ways(f"float {text}", text, value)
    for text, value in (("1e0", 1.0), ("1E+2", 100.0), ("10e-1", 1.0), ("0.10", 0.1), ("-0e0", -0.0), ("1e-400", 0.0), ("-1e-400", -0.0),
                        ("1.00000000000000011102230246251565404236316680908203125", 1.0),  # half way: to even
                        ("1.00000000000000011102230246251565404236316680908203126", 1.0000000000000002),
                        ("9007199254740993.0", 9007199254740992.0), ("9007199254740995.0", 9007199254740996.0),
                        ("2.4703282292062327e-324", 0.0), ("2.4703282292062328e-324", 5e-324),
                        ("1.7976931348623158e308", 1.7976931348623157e308), ("9223372036854775808.0", 2.0**63),
                        ("18446744073709551615.0", 2.0**64), ("123e-2", 1.23), ("0.000000000000000000000000000001e30", 1.0),
                        ("100000000000000000000000e-23", 1.0), ("1e22", 1e22), ("1e23", 1e23), ("10000000000000000.0", 1e16)):
        yield one_way(f"float spelt {text}", "json", text.encode(), pack(value), value)
    for bits, text in (("3f800000", "1.0"), ("3dcccccd", "0.10000000149011612"), ("80000000", "-0.0"), ("00000001", "1.401298464324817e-45"),
                       ("7f7fffff", "3.4028234663852886e38"), ("c0490fdb", "-3.1415927410125732")):
        value = struct.unpack(">f", bytes.fromhex(bits))[0]
        yield one_way(f"float32 {bits}", "msgpack", b"\xca" + bytes.fromhex(bits), text.encode(), value)
    for text in ("1e309", "-1e309", "1.7976931348623159e308", "1e99999999999999999999", "1" + "0" * 309):
        yield refused(f"float {text[:30]}", "json", text.encode(), "variables", "a number is too large for a float")
        yield refused(f"float {text[:30]} inside", "json", b'{"a":[0,%s]}' % text.encode(), "variables.a[1]", "a number is too large for a float")


def texts():
    for name, json_text, value in (
        ("empty", '""', ""), ("ASCII", '"plain text"', "plain text"), ("escapes", r'"\"\\/\b\f\n\r\t"', "\"\\/\b\f\n\r\t"),
        ("controls", r'"\u0000\u0001\u001f"', "\0\x01\x1f"), ("DEL and C1", '"\x7f\u0080\u009f"', "\x7f\u0080\u009f"),
        ("two octets", '"\u00e9\u07ff"', "\u00e9\u07ff"), ("three octets", '"\u0800\u20ac\ud7ff\ue000\ufeff\uffff"', "\u0800\u20ac\ud7ff\ue000\ufeff\uffff"),
        ("four octets", '"\U00010000\U0001f600\U0010ffff"', "\U00010000\U0001f600\U0010ffff"), ("line separators", '"\u2028\u2029"', "\u2028\u2029"),
    ):
        yield from both_ways(f"string, {name}", json_text, value)
    for length in (31, 32, 255, 256):
        yield from both_ways(f"string of {length}", '"' + "x" * length + '"', "x" * length)
    for text, value in ((r'"\/"', "/"), (r'"\u0041"', "A"), (r'"\u00E9"', "\u00e9"), (r'"\ud83d\ude00"', "\U0001f600"), (r'"\uDBFF\uDFFF"', "\U0010ffff"),
                        (r'"\u0022\u005c"', '"\\'), (r'"\u007f"', "\x7f")):
        yield one_way(f"string spelt {text}", "json", text.encode(), pack(value), value)
    for head in (b"\xd9\x01", b"\xda\0\x01", b"\xdb\0\0\0\x01"):
        yield one_way(f"string as {head.hex(' ')}", "msgpack", head + b"x", b'"x"', "x")
    for bad in BAD_UTF8:
        octets = bytes([0xA0 | len(bad)]) + bad
        yield refused(f"string {bad.hex(' ')}", "msgpack", octets, "variables", "a string is not UTF-8")
        yield refused(f"key {bad.hex(' ')}", "msgpack", b"\x91\x81" + octets + b"\xc0", "variables[0]", "map key is not UTF-8")
        yield refused(f"string {bad.hex(' ')}", "json", b'["%s"]' % bad, "variables[0]", "not UTF-8")
    for lone in r"\ud800", r"\udc00", r"\ud83d\ud83d", r"\ud83d\n":
        yield refused(f"string {lone}", "json", b'{"a":"%s"}' % lone.encode(), "variables.a", "not Unicode: a lone surrogate")


def containers():
    for name, text, value in (
        ("null", "null", None), ("true", "true", True), ("false", "false", False), ("empty array", "[]", []), ("empty map", "{}", {}),
        ("array", "[1,[2,[3]],{}]", [1, [2, [3]], {}]), ("map", '{"b":1,"a":{"":[null]}}', {"b": 1, "a": {"": [None]}}),
        ("keys", '{"\\u0000":0,"\u00e9":1,"\\"":2}', {"\0": 0, "\u00e9": 1, '"': 2}),
        ("a key twice: the receiver's business", '{"a":1,"a":2}', (("a", 1), ("a", 2))),
    ):
        yield from both_ways(name, text, value)
    for count in (15, 16, 17, 40):
        yield from both_ways(f"array of {count}", str([0] * count).replace(" ", ""), [0] * count)
        yield from both_ways(f"map of {count}", "{" + ",".join(f'"k{i}":{i}' for i in range(count)) + "}", {f"k{i}": i for i in range(count)})
    yield one_way("spaces", "json", b' \t\r\n{ "a" : [ 1 , 2 ] } \n', pack({"a": [1, 2]}), {"a": [1, 2]})
    for octets, text, value in ((b"\xdc\0\x01\x01", b"[1]", [1]), (b"\xdd\0\0\0\x01\x01", b"[1]", [1]), (b"\xde\0\x01\xa1a\x01", b'{"a":1}', {"a": 1}),
                                (b"\xdf\0\0\0\x01\xa1a\x01", b'{"a":1}', {"a": 1}), (b"\xdd\0\0\0\0", b"[]", []), (b"\xde\0\0", b"{}", {})):
        yield one_way(f"as {octets.hex(' ')}", "msgpack", octets, text, value)


def bins():
    for octets, text in ((b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"foob", "Zm9vYg=="), (b"fooba", "Zm9vYmE="),
                         (b"foobar", "Zm9vYmFy"), (b"\xfb\xff\xbf", "+/+/"), (b"\0" * 4, "AAAAAA==")):
        yield one_way(f"bin {octets.hex(' ') or 'of nothing'}", "msgpack", pack(octets), b'"%s"' % text.encode(), octets)
        yield one_way(f"base64 {text!r} stays a string", "json", b'"%s"' % text.encode(), pack(text), text)
    yield one_way("bin16", "msgpack", b"\xc5\0\x01f", b'"Zg=="', b"f")
    yield one_way("bin32", "msgpack", b"\xc6\0\0\0\x01f", b'"Zg=="', b"f")
    yield one_way("bin inside", "msgpack", pack({"a": [b"foo"]}), b'{"a":["Zm9v"]}', {"a": [b"foo"]})


UNSAYABLE = (
    ("ext8", pack(Ext(b"abc")), "JSON can't say an ext type"), ("fixext1", b"\xd4\x01x", "JSON can't say an ext type"),
    ("fixext16", b"\xd8\x01" + b"x" * 16, "JSON can't say an ext type"), ("ext16", b"\xc8\0\x01\x05x", "JSON can't say an ext type"),
    ("ext32 of nothing", b"\xc9\0\0\0\0\x05", "JSON can't say an ext type"), ("a timestamp", b"\xd6\xff\0\0\0\0", "JSON can't say an ext type"),
    ("NaN", b"\xcb\x7f\xf8\0\0\0\0\0\0", "JSON can't say NaN"), ("a NaN with a payload", b"\xcb\xff\xf0\0\0\0\0\0\x01", "JSON can't say NaN"),
    ("NaN as float32", b"\xca\x7f\xc0\0\0", "JSON can't say NaN"), ("infinity", b"\xcb\x7f\xf0\0\0\0\0\0\0", "JSON can't say infinity"),
    ("minus infinity", b"\xcb\xff\xf0\0\0\0\0\0\0", "JSON can't say infinity"), ("infinity as float32", b"\xca\x7f\x80\0\0", "JSON can't say infinity"),
    ("an integer key", b"\x81\x01\x02", "map key is not a string"), ("a nil key", b"\x81\xc0\x02", "map key is not a string"),
    ("a bin key", b"\x81\xc4\x01a\x02", "map key is not a string"), ("an array key", b"\x81\x90\x02", "map key is not a string"),
    ("a boolean key", b"\x82\xa1a\x01\xc3\x02", "map key is not a string"), ("a float key", b"\x81\xcb\0\0\0\0\0\0\0\0\x02", "map key is not a string"),
    ("a map key", b"\x81\x80\x02", "map key is not a string"),
)


def unsayable():
    for name, octets, reason in UNSAYABLE:
        for place, head in (("", b""), ("[0]", b"\x91"), (".a[3]", b"\x81\xa1a\x94\x01\xa1x\x90"), ("[1].b.c", b"\x92\x01\x82\xa1a\x01\xa1b\x81\xa1c"),
                            (".\u00e9.", b"\x81\xa2\xc3\xa9\x81\xa0")):
            yield refused(f"{name} at {place or 'the top'}", "msgpack", head + octets, "variables" + place, reason)


def malformed():
    for text, where in (
        (" ", ""), ("nul", ""), ("True", ""), ("1 2", ""), ("01", ""), ("-", ""), ("+1", ""), ("1.", ""), (".5", ""), ("1e", ""), ("0x10", ""),
        ("NaN", ""), ("-Infinity", ""), ("'a'", ""), ('"', ""), ('"a', ""), ('"\\x"', ""), ('"\\u00g0"', ""), ('"\n"', ""), ('"\0"', ""), ("[", "[0]"),
        ("[1", "[0]"), ("[1,", "[1]"), ("[1,]", "[1]"), ("[1 2]", "[0]"), ("[1}", "[0]"), ("]", ""), ("{", ""), ("{1:2}", ""), ('{"a"}', ".a"), ('{"a":}', ".a"),
        ('{"a":1,}', ""), ('{"a":1', ".a"), ('{"a":1]', ".a"), ('{"a":[{},{"b":[0,x]}]}', ".a[1].b[1]"), ("[] ]", ""), ("null\0", ""), ("\ufeff1", ""), ("[1]//", ""),
        ("[" * 5000, None), ('{"a":' * 5000, None),
    ):
        name = repr(text) if len(text) < 100 else f"{text[:6]!r} without end"
        place = "variables" + ("[0]" if text[0] == "[" else ".a") if where is None else "variables" + where
        reason = "malformed JSON" if where is not None else ""
        yield refused(f"malformed: {name}", "json", text.encode(), place, reason)
    for octets, where in (
        (b"\xc1", ""), (b"\xc0\xc0", ""), (b"\x91", ""), (b"\x92\xc0", ""), (b"\x92\x91\xc0", "[1]"), (b"\xa1", ""), (b"\xcc", ""), (b"\xcd\x01", ""),
        (b"\xcf\0\0\0", ""), (b"\xca\0\0\0", ""), (b"\xcb\0", ""), (b"\xd3", ""), (b"\xc4\x02a", ""), (b"\xd9", ""), (b"\xda\0", ""), (b"\xdb\xff\xff\xff\xff", ""),
        (b"\xc6\xff\xff\xff\xff", ""), (b"\xdd\xff\xff\xff\xff", ""), (b"\xdf\xff\xff\xff\xff\xa1a\x01", ""), (b"\xdd\x10\0\0\0\x01", ""), (b"\xc7\x05\x01a", ""),
        (b"\xd8\x01", ""), (b"\x81\xa1a", ".a"), (b"\x81\xa1a\x81\xa1", ".a"), (b"\x93\x01\x02\xc1", "[2]"),
    ):
        yield refused(f"malformed: {octets.hex(' ')}", "msgpack", octets, "variables" + where, "malformed msgpack")
    yield refused("malformed: 91 without end", "msgpack", b"\x91" * 5000, "variables[0]", "")


def vectors():
    return [*integers(), *floats(), *texts(), *containers(), *bins(), *unsayable(), *malformed()]
