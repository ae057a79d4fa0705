"""The bytes of payloads: a function of kind, seed and offset, the same as the engine's own."""

PERIOD = 1_048_583
MASK = (1 << 64) - 1
WORDS = [b"the ", b"call ", b"of ", b"a ", b"remote ", b"server ", b"answers ", b"in ", b"time ", b"and ", b"each ",
         b"client ", b"waits ", b"for ", b"its ", b"reply "]


def splitmix(seed):
    """Vigna's splitmix64, from `seed`."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


class Fill:
    """Bytes that begin again after every block."""

    def __init__(self, block):
        self.block = block

    @classmethod
    def of(cls, kind, seed):
        """The fill `zeros`, `text` or `random` with that seed."""
        if kind == "zeros":
            return cls.constant(0)
        block = bytearray()
        for word in splitmix(seed):
            block += word.to_bytes(8, "little") if kind == "random" else WORDS[word >> 60]
            if len(block) >= PERIOD:
                return cls(bytes(block[:PERIOD]))

    @classmethod
    def constant(cls, byte):
        """One byte, again and again."""
        return cls(bytes([byte]) * (256 * 1024))

    def bytes(self, length, offset=0):
        """`length` bytes from `offset`; none where `length` is negative, as `b"x" * length` has it."""
        length = max(0, length)
        begin = offset % len(self.block)
        piece = self.block[begin:begin + length]
        if len(piece) == length:
            return piece
        times, rest = divmod(length - len(piece), len(self.block))
        return b"".join([piece] + [self.block] * times + [self.block[:rest]])

    def chunks(self, length, chunk):
        """A list of the same bytes in pieces of `chunk`, the last one short."""
        return [self.bytes(min(chunk, length - offset), offset) for offset in range(0, length, chunk)]

    def matches(self, data, offset=0):
        """True where `data` are the bytes from `offset`; copies no more than a block."""
        done = 0
        while done < len(data):
            begin = (offset + done) % len(self.block)
            piece = self.block[begin:begin + len(data) - done]
            if not data.startswith(piece, done):
                return False
            done += len(piece)
        return True
