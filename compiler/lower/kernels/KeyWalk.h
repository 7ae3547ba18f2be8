// KeyWalk.h - code that steps through the key tiles of a block of queries.
#pragma once

#include "compiler/domain/Sweeps.h"
#include "compiler/lower/kernels/Emit.h"

namespace heed::kernels {

/// Queries rowOffset + stride * t and keys keyOffset + stride * u of one residue class; with stride 1 the offsets are 0.
struct Steps {
  int64_t stride = 1;
  Value rowOffset, keyOffset;
  Value rows, keys; ///< how many of them there are

  Value row(Emit &emit, Value t) const { return at(emit, rowOffset, t); }
  Value key(Emit &emit, Value u) const { return at(emit, keyOffset, u); }

private:
  Value at(Emit &emit, Value offset, Value step) const {
    return stride == 1 ? step : emit.add(emit.mul(step, stride), offset);
  }
};

/// [begin, end), empty if end <= begin.
struct Interval {
  Value begin, end;
};

/// The formulas of a sweep, for one block of queries [rowBegin, rowEnd). Mirrors domain::walk, which is checked by brute force.
class KeyWalk {
public:
  /// `symbols`: the values of PairDomain::symbols. They must dominate where this is used.
  KeyWalk(Emit &emit, domain::Sweep const &sweep, Steps const &steps, ArrayRef<Value> symbols, Value rowBegin,
          Value rowEnd);

  /// Calls `body` with (begin, end) of every tile of at most `step` keys, in increasing order.
  void tiles(int64_t step, llvm::function_ref<void(Value begin, Value end)> body);
  /// Whether every pair of a tile is in the domain; constant if that is known.
  Value isFull(Value begin, Value end);
  /// The least interval with all keys of [begin, end) that some query of [rowBegin, rowEnd), part of the block, may see.
  Interval hull(Value rowBegin, Value rowEnd, Value begin, Value end);

private:
  SmallVector<Value> withRows(Value rowBegin, Value rowEnd);
  Interval interval(domain::KeyBounds const &bounds, SmallVector<Value> symbols);

  Emit &emit;
  domain::Sweep const &sweep;
  Steps steps;
  SmallVector<Value> domainSymbols;
  SmallVector<Interval> visible;
  SmallVector<std::optional<SmallVector<Interval>>> violations; ///< of each part
};

} // namespace heed::kernels
