"""CURVE keys, from certificates of CZMQ (`zfabric keygen` writes them) or as Z85 text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Optional, Union

_LINE = re.compile(r'^\s+([\w.-]+)\s*=\s*"([^"]*)"\s*$')


def read_certificate(path: Union[str, Path]) -> Dict[str, str]:
    """public-key, perhaps secret-key, of a certificate."""
    found: Dict[str, str] = {}
    section = ""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            section = line.strip()
        match = _LINE.match(line)
        if match and section == "curve":
            found[match[1]] = match[2]
    if len(found.get("public-key", "")) != 40:
        raise ValueError(f"{path}: not a certificate with a public key")
    return found


@dataclass(frozen=True)
class Keys:
    """The broker's public key and a pair of one's own, Z85 of 40 characters each."""

    server_key: str
    public_key: str
    secret_key: str = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("server_key", "public_key", "secret_key"):
            if len(getattr(self, name)) != 40:
                raise ValueError(f"{name}: not a Z85 key of 40 characters")

    @classmethod
    def load(cls, own: Union[str, Path], server: Union[str, Path]) -> "Keys":
        """From one's own secret certificate and the broker's public one."""
        mine = read_certificate(own)
        if len(mine.get("secret-key", "")) != 40:
            raise ValueError(f"{own}: has no secret key")
        return cls(read_certificate(server)["public-key"], mine["public-key"], mine["secret-key"])


def keys_of(keys: Optional[Keys], server_key: Optional[str], public_key: Optional[str],
            secret_key: Optional[str]) -> Optional[Keys]:
    """Either form of the option."""
    if keys is not None or server_key is None:
        return keys
    return Keys(server_key, public_key or "", secret_key or "")
