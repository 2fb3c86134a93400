"""Whether Python's json reads what the fabric's test vectors say. vectors.py ../../tests/vectors"""
import json
import pathlib
import struct
import sys


def octets(vector):
    if "hex" in vector:
        return bytes.fromhex(vector["hex"])
    return b"".join(bytes.fromhex(text) * count for text, count in vector["parts"])


class Pairs(list):
    """An object, with a key twice if it is there twice."""


def load(text):
    return json.loads(text, object_pairs_hook=Pairs)


def same(value, wanted):
    """Whether a document is what a vector of documents.json says."""
    if wanted is None or isinstance(wanted, bool):
        return value is wanted
    if isinstance(wanted, list):
        return (isinstance(value, list) and not isinstance(value, Pairs) and len(value) == len(wanted)
                and all(map(same, value, wanted)))
    if "integer" in wanted:
        return type(value) is int and str(value) == wanted["integer"]
    if "float" in wanted:  # an integer beyond 64 bits is one to the fabric, and not to Python
        return type(value) in (int, float) and struct.pack(">d", value).hex() == wanted["float"]
    if "string" in wanted:
        return value == wanted["string"]
    return (isinstance(value, Pairs) and len(value) == len(wanted["map"])
            and all(same(name, key) and same(each, item)
                    for (name, each), (key, item) in zip(value, wanted["map"])))


def means(key, value, wanted):
    """Whether a known key of a header is what headers.json says."""
    if key == "cookie":
        return value.replace("-", "").lower() == wanted
    if key in ("variables", "result"):
        return value.encode().hex() == wanted
    if type(value) is int:
        return str(min(value, 2**64 - 1)) == wanted
    return value == wanted


def main(folder):
    checks = [(vector, lambda v: all(means(key, json.loads(octets(v))[key], wanted)
                                     for key, wanted in v["meaning"].items()))
              for vector in json.loads((folder / "headers.json").read_text())
              if vector["valid"] and vector["codec"] == "json"]
    checks += [(vector, lambda v: same(load(octets(v)), v["value"]))
               for vector in json.loads((folder / "documents.json").read_text())
               if vector["valid"] and vector["from"] == "json"]
    wrong = [vector["name"] for vector, check in checks if not check(vector)]
    print(f"{len(checks)} vectors, {len(wrong)} wrong", *wrong, sep="\n")
    return 1 if wrong or not checks else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
