"""Makes phone numbers that belong to nobody, and dresses them in the formats that people type."""

from __future__ import annotations

import random
from dataclasses import dataclass


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_US_AREAS = _codes(
    "206 253 425 503 360 509 415 510 650 408 916 619 213 310 714 949 602 480 702 801 303 720 214 972 512 713 832 "
    "312 773 630 612 404 678 704 919 305 786 813 407 615 502 513 216 614 313 412 215 610 703 301 410 201 973 212 "
    "646 718 914 203 617 781 401 808 505 405 913 816 314 414 317 901 504 205"
)
_PER_AREA = 10_000
_UK_BLOCKS = ("+44207946", "+44161496")
_UK_PER_BLOCK = 1_000


@dataclass(slots=True)
class PhoneBook:
    """Hands out each number once: the 555 exchange of real area codes, and the British numbers kept for drama.

    A fixed stride through all of them spreads neighbors over the area codes without remembering what was used.
    """

    offset: int
    used: int = 0
    used_uk: int = 0

    def next_us(self) -> str:
        """The next American number, as E.164."""
        space = len(_US_AREAS) * _PER_AREA
        area, line = divmod((self.offset + self.used * 7_919) % space, _PER_AREA)
        self.used += 1
        return f"+1{_US_AREAS[area]}555{line:04d}"

    def next_uk(self) -> str:
        """The next British number, as E.164; the block ends at 2,000, after that an American one."""
        if self.used_uk >= len(_UK_BLOCKS) * _UK_PER_BLOCK:
            return self.next_us()
        block, line = divmod(self.used_uk, _UK_PER_BLOCK)
        self.used_uk += 1
        return f"{_UK_BLOCKS[block]}0{line:03d}"

    def next(self, rng: random.Random) -> str:
        """The next number, seldom a British one."""
        return self.next_uk() if rng.random() < 0.015 else self.next_us()


def dress(rng: random.Random, e164: str) -> str:
    """The number as somebody typed it into Salesforce: parentheses, dots, spaces, ``+44 (0)``."""
    if e164.startswith("+44"):
        return _dress_uk(rng, e164)
    area, exchange, line = e164[2:5], e164[5:8], e164[8:]
    usual = f"({area}) {exchange}-{line}"
    odd = (
        f"{area}-{exchange}-{line}",
        f"{area}.{exchange}.{line}",
        f"+1 {area} {exchange} {line}",
        f"1-{area}-{exchange}-{line}",
        f"{area}{exchange}{line}",
        f"+1 ({area}) {exchange}-{line}",
        f"{area} {exchange} {line}",
        f"({area}){exchange}.{line}",
    )
    return usual if rng.random() < 0.55 else rng.choice(odd)


def _dress_uk(rng: random.Random, e164: str) -> str:
    """A British number the way an international contact is kept: always with its country code."""
    if e164.startswith("+4420"):
        city, first, last = e164[3:5], e164[5:9], e164[9:]
    else:
        city, first, last = e164[3:6], e164[6:9], e164[9:]
    return rng.choice((f"+44 {city} {first} {last}", f"+44 (0){city} {first} {last}", f"011 44 {city} {first} {last}"))


def with_extension(rng: random.Random, text: str, extension: str) -> str:
    """The same number with an extension, in one of the usual spellings."""
    return text + rng.choice((" x{0}", " ext. {0}", " ext {0}", "x{0}")).format(extension)


def dialer_format(rng: random.Random, e164: str) -> str:
    """The number as the dialer reports it: mostly E.164, now and then bare digits or punctuated."""
    roll = rng.random()
    if roll < 0.8 or e164.startswith("+44"):
        return e164
    if roll < 0.9:
        return e164[1:]
    return f"+1 {e164[2:5]}-{e164[5:8]}-{e164[8:]}"


def digits(text: str) -> str:
    """The number behind a text, without extension and in international digits: what tells numbers apart here."""
    main = text.lower().replace("(0)", "")
    for mark in ("ext", "x"):
        main = main.split(mark)[0]
    bare = "".join(char for char in main if char.isdigit())
    if bare.startswith("01144"):
        bare = bare[3:]
    return bare if len(bare) != 10 else "1" + bare
