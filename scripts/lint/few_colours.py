"""Writes a PNG anew with few colours and no empty foot: a page of text needs no more, and the file stays small."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COLOURS, MARGIN = 200, 24
SIGNATURE = b"\x89PNG\r\n\x1a\n"
Pixels = NDArray[np.uint8]


def few_colours(source: Path, target: Path) -> None:
    """Read eight-bit RGB or RGBA, keep the commonest colours, and give every other pixel the nearest of them."""
    pixels = _read(source.read_bytes())
    last = int(np.flatnonzero((pixels != pixels[-1, -1]).any(axis=(1, 2)))[-1])
    pixels = pixels[: last + MARGIN]
    flat = pixels.reshape(-1, 3).astype(np.int32)
    packed = flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]
    found, place, counts = np.unique(packed, return_inverse=True, return_counts=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    kept = colours[np.argsort(-counts)[:COLOURS]]
    nearest = ((colours[:, None, :] - kept[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    rows = nearest[place].astype(np.uint8).reshape(pixels.shape[:2])
    target.write_bytes(_written(rows, kept.astype(np.uint8)))


def _read(data: bytes) -> Pixels:
    parts = list(_chunks(data))
    width, height, depth, kind = struct.unpack(">IIBB", parts[0][1][:10])
    channels = {2: 3, 6: 4}[kind]
    assert depth == 8
    raw = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    lines = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * channels)
    above = np.zeros((width, channels), np.int32)
    shown = np.empty((height, width, 3), np.uint8)
    for y, line in enumerate(lines):
        above = _unfiltered(int(line[0]), line[1:].reshape(width, channels).astype(np.int32), above)
        shown[y] = above[:, :3]
    return shown


def _unfiltered(kind: int, line: NDArray[np.int32], above: NDArray[np.int32]) -> NDArray[np.int32]:
    """Undo what PNG does to a line before it is packed (its filters 0 to 4)."""
    match kind:
        case 0:
            return line
        case 1:
            return np.cumsum(line, axis=0) & 255
        case 2:
            return (line + above) & 255
    left, corner, made = np.zeros_like(line[0]), np.zeros_like(line[0]), np.empty_like(line)
    for x, one in enumerate(line):
        up = above[x]
        if kind == 3:
            told = (left + up) // 2
        else:
            a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            told = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
        left = made[x] = (one + told) & 255
        corner = up
    return made


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += size + 12


def _written(rows: Pixels, palette: Pixels) -> bytes:
    height, width = rows.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(
        len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4) for name, body in parts
    )
