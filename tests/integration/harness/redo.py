"""Which pages a MariaDB (10.8+) ib_logfile0 has changes for, read by its own few rules:
log0log.h, mtr0log.h and recv_sys_t::parse in log0recv.cc of the server."""
import ctypes
import struct

START = 12288

_isal = ctypes.CDLL("libisal.so.2")
_isal.crc32_iscsi.restype = ctypes.c_uint32


def crc32c(data):
    return _isal.crc32_iscsi(bytes(data), len(data), 0xffffffff) ^ 0xffffffff


def varint(buf, at):
    """(value, next)"""
    b = buf[at]
    if b < 0x80:
        return b, at + 1
    if b < 0xc0:
        return 0x80 + (((b & 0x3f) << 8) | buf[at + 1]), at + 2
    if b < 0xe0:
        return 0x4080 + (((b & 0x1f) << 16) | int.from_bytes(buf[at + 1:at + 3], "big")), at + 3
    if b < 0xf0:
        return 0x204080 + (((b & 0xf) << 24) | int.from_bytes(buf[at + 1:at + 4], "big")), at + 4
    return 0x10204080 + int.from_bytes(buf[at + 1:at + 5], "big"), at + 5


class Log:
    def __init__(self, path):
        data = path.read_bytes()
        form, = struct.unpack_from(">I", data)
        assert form == 0x50687973, "only an unencrypted log of 10.8 or newer"
        self.first_lsn, = struct.unpack_from(">Q", data, 8)
        self.capacity = len(data) - START
        blocks = []
        for at in (4096, 8192):
            if crc32c(data[at:at + 60]) == struct.unpack_from(">I", data, at + 60)[0]:
                blocks.append(struct.unpack_from(">QQ", data, at))
        self.checkpoint, _ = max(blocks)
        # the ring unrolled: LSN checkpoint is at 0
        at = (self.checkpoint - self.first_lsn) % self.capacity
        ring = data[START:]
        self.bytes = ring[at:] + ring[:at]

    def sequence(self, lsn):
        return 0 if ((lsn - self.first_lsn) // self.capacity) & 1 else 1

    def pages(self):
        """(set of (space, page), end LSN)"""
        touched, at = set(), 0
        while True:
            end = self._mini_transaction(at, touched)
            if end is None:
                return touched, self.checkpoint + at
            at = end

    def _mini_transaction(self, start, touched):
        buf, at = self.bytes, start
        found, space, page = [], 0, 0
        try:
            while buf[at] > 1:
                kind, length = buf[at] & 0xf0, buf[at] & 0x0f
                at += 1
                if length == 0:
                    length, after = varint(buf, at)
                    length += 15 - (after - at)
                    at = after
                end = at + length
                if not kind & 0x80:
                    space, p = varint(buf, at)
                    page, _ = varint(buf, p)
                    found.append((space, page))
                # else: more on the same page, or a record that names a file
                at = end
            if buf[at] != self.sequence(self.checkpoint + at):
                return None
            if crc32c(buf[start:at]) != struct.unpack_from(">I", buf, at + 1)[0]:
                return None
        except (IndexError, struct.error):
            return None
        touched.update(found)
        return at + 5
