"""Random values in brine: made by Python, or read and written again by it.

Each value goes out as the length of its brine, its brine, the length of its description, its description.
"""

import random
import struct
import sys

from rpyc.core import brine

CONSTANTS = [None, NotImplemented, ..., True, False, (), b"", "", frozenset()]
FLOATS = [0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), 5e-324, 1.7976931348623157e308]


def number(dice):
    edge = dice.choice([0, -48, 160, 1000, 2**31, 2**63, -(2**63), 10**255, -(10**255), 10**600])
    return dice.choice([edge + dice.randrange(-2, 3), dice.randrange(-60, 200), dice.getrandbits(dice.randrange(1, 900))])


def text(dice):
    ranges = [(32, 127), (0, 0x800), (0x800, 0xD800), (0xE000, 0x110000)]
    return "".join(chr(dice.randrange(*dice.choice(ranges))) for _ in range(length(dice)))


def length(dice):
    return dice.choice([dice.randrange(6), dice.randrange(40), dice.choice([254, 255, 256, 257])])


def real(dice):
    return dice.choice([dice.choice(FLOATS), struct.unpack("!d", dice.randbytes(8))[0], dice.random()])


def leaf(dice):
    kind = dice.randrange(7)
    if kind == 0:
        return dice.choice(CONSTANTS)
    if kind in (1, 2):
        return number(dice)
    if kind == 3:
        return real(dice)
    if kind == 4:
        return complex(real(dice), real(dice))
    return text(dice) if kind == 5 else dice.randbytes(length(dice))


def value(dice, depth=0):
    kind = dice.randrange(12) if depth < 6 else 11
    if kind < 3:
        return tuple(value(dice, depth + 1) for _ in range(dice.randrange(7)))
    if kind == 3:
        return slice(*(value(dice, depth + 1) for _ in range(3)))
    if kind == 4:
        return frozenset(leaf(dice) for _ in range(dice.randrange(6)))
    if kind == 5 and depth == 0:
        return tuple(leaf(dice) for _ in range(dice.choice([4, 5, 255, 256])))
    return leaf(dice)


def describe(value, words):
    if isinstance(value, tuple):
        words.append(f"tuple{len(value)}")
        for item in value:
            describe(item, words)
    elif isinstance(value, slice):
        words.append("slice")
        describe((value.start, value.stop, value.step), words)
    elif isinstance(value, frozenset):
        words.append("frozenset")
        describe(tuple(value), words)
    elif isinstance(value, (bytes, str)):
        words.append(type(value).__name__ + (value if isinstance(value, bytes) else value.encode()).hex())
    elif isinstance(value, float):
        words.append("float" + struct.pack("!d", value).hex())
    elif isinstance(value, complex):
        words.append("complex" + struct.pack("!dd", value.real, value.imag).hex())
    elif isinstance(value, int) and not isinstance(value, bool):
        words.append(f"int{value}")
    else:
        words.append(repr(value))
    return words


def say(value):
    for part in (brine.dump(value), " ".join(describe(value, [])).encode()):
        sys.stdout.buffer.write(struct.pack("!L", len(part)) + part)


if sys.argv[1] == "make":
    dice = random.Random(int(sys.argv[3]))
    for _ in range(int(sys.argv[2])):
        say(value(dice))
else:
    while head := sys.stdin.buffer.read(4):
        say(brine.load(sys.stdin.buffer.read(struct.unpack("!L", head)[0])))
