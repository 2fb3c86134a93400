#!/usr/bin/env python3
"""Writes the test vectors beside it: see README.md.

    make_vectors.py           writes the files
    make_vectors.py --check   tells whether they are what it would write
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import documents
import header_transcodings
import headers

HERE = pathlib.Path(__file__).parent
FILES = {
    "headers.json": headers.vectors,
    "header_transcodings.json": header_transcodings.vectors,
    "documents.json": documents.vectors,
}


def text_of(vectors):
    names = [vector["name"] for vector in vectors]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SystemExit(f"names that are there twice: {sorted(twice)}")
    lines = (json.dumps(vector, ensure_ascii=True) for vector in vectors)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main():
    stale = 0
    for name, vectors in FILES.items():
        text = text_of(vectors())
        if sys.argv[1:] != ["--check"]:
            (HERE / name).write_text(text)
        elif (HERE / name).read_text() != text:
            print(f"{name} is not what make_vectors.py writes: run it", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
