"""Three intrinsics for the scaling of pictures: what numba's loops do not make of stride-three octets.

They are LLVM vectors of a fixed width, which every processor has or LLVM splits; nothing here checks bounds.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16
"""Pixels that `spread` writes at once."""
_I8, _I16, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
_OCTETS, _WORDS, _WIDE = ir.VectorType(_I8, 8), ir.VectorType(_I16, 8), ir.VectorType(_I32, 8)
_PIXELS, _LONG, _FLOATS = (
    ir.VectorType(_I16, 4 * LANES),
    ir.VectorType(_I32, LANES),
    ir.VectorType(_F32, LANES),
)


def _all(kind: ir.VectorType, value: int) -> ir.Constant:
    return ir.Constant(kind, [value] * kind.count)


def _lanes(which: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(_I32, len(which)), which)


def _every(builder: Any, value: Any, kind: ir.VectorType) -> Any:
    """A vector with the value in each lane."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, nothing, _lanes([0] * kind.count))


def _at(context: Any, builder: Any, kind: Any, array: Any, index: Any, into: Any) -> Any:
    """Address of an element of an array, as a pointer to `into`."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), into.as_pointer())


def _fetch(typing_context: Any, row: Any, at: Any) -> Any:
    """Ask for the cache line of an element of a uint8 row, ahead of its use."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        address = _at(context, builder, signature.args[0], given[0], given[1], _I8)
        kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
        insert: Any = cgutils.get_or_insert_function
        function = insert(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [address, *(ir.Constant(_I32, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(row, at), generate


fetch: Any = intrinsic(_fetch)


def _sample(
    typing_context: Any, upper: Any, lower: Any, at: Any, down: Any, across: Any, out: Any, column: Any
) -> Any:
    """One pixel between four: 256 times its three channels into four words of `out` (uint16).

    Args:
        typing_context: numba's.
        upper, lower: uint8 rows of the picture; eight octets from `at` on are read of each.
        at: octet of the left pixel.
        down: uint16 weight of the lower row, of 256.
        across: uint16, eight weights of 65536 a column: thrice of the left pixel, thrice of the right one, two zeros.
        out: uint16, four words a column.
        column: of `across` and `out`.
    """
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        def octets(which: int) -> Any:
            address = _at(context, builder, signature.args[which], given[which], given[2], _OCTETS)
            return builder.zext(builder.load(address, align=1), _WORDS)

        lower_weight = _every(builder, given[3], _WORDS)
        upper_weight = builder.sub(_all(_WORDS, 256), lower_weight)
        mixed = builder.add(builder.mul(octets(0), upper_weight), builder.mul(octets(1), lower_weight))
        # The products below are cut off: one more keeps what is even exactly as it is.
        mixed = builder.add(mixed, _all(_WORDS, 1))
        place = builder.mul(given[6], ir.Constant(_I64, 8))
        weights = builder.load(_at(context, builder, signature.args[4], given[4], place, _WORDS), align=2)
        product = builder.mul(builder.zext(mixed, _WIDE), builder.zext(weights, _WIDE))
        parts = builder.trunc(builder.lshr(product, _all(_WIDE, 16)), _WORDS)
        right = builder.shuffle_vector(parts, parts, _lanes([3, 4, 5, 6, 7, 8, 9, 10]))
        total = builder.add(parts, right)
        pixel = builder.shuffle_vector(total, total, _lanes([0, 1, 2, 3]))
        place = builder.mul(given[6], ir.Constant(_I64, 4))
        address = _at(context, builder, signature.args[5], given[5], place, ir.VectorType(_I16, 4))
        builder.store(pixel, address, align=2)
        return context.get_dummy_value()

    return types.void(upper, lower, at, down, across, out, column), generate


sample: Any = intrinsic(_sample)


def _spread(typing_context: Any, words: Any, column: Any, rows: Any, at: Any, factor: Any, shift: Any) -> Any:
    """`LANES` pixels, times a factor plus a shift, into three rows of float32, one a channel.

    Args:
        typing_context: numba's.
        words: uint16, four a pixel.
        column: first pixel.
        rows: three arrays of float32; elements `at` to `at + LANES` are written.
        at: first element.
        factor, shift: three float32 each.
    """
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = builder.mul(given[1], ir.Constant(_I64, 4))
        pixels = builder.load(_at(context, builder, signature.args[0], given[0], place, _PIXELS), align=2)
        for channel in range(3):
            row, times, plus = (builder.extract_value(given[k], channel) for k in (2, 4, 5))
            lanes = _lanes([4 * lane + channel for lane in range(LANES)])
            chosen = builder.shuffle_vector(pixels, pixels, lanes)
            values = builder.uitofp(builder.zext(chosen, _LONG), _FLOATS)
            scaled = builder.fmul(values, _every(builder, times, _FLOATS), flags=("contract",))
            moved = builder.fadd(scaled, _every(builder, plus, _FLOATS), flags=("contract",))
            kind = signature.args[2].types[channel]
            builder.store(moved, _at(context, builder, kind, row, given[3], _FLOATS), align=4)
        return context.get_dummy_value()

    return types.void(words, column, rows, at, factor, shift), generate


spread: Any = intrinsic(_spread)
