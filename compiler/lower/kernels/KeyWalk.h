// KeyWalk.h - code that steps through the key tiles of a block of queries.
#pragma once

#include "compiler/domain/Sweeps.h"
#include "compiler/lower/kernels/KeyFilter.h"

namespace heed::kernels {

/// Keys of a tile: `count` of them, panel by panel. A tile of a single interval is keys [first, first + count); otherwise panel p
/// holds the keys from width * list[p] on, and only the last may be short.
struct KeyTile {
  Value first, count;
  Value list;          ///< memref of index, null for a single interval
  Value panels;        ///< how many the list has
  Value full;          ///< whether every pair of the tile is in the domain
  Value trimmed;       ///< whether the rows of a strip see less of it than the block
};

/// [begin, end), empty if end <= begin.
struct Interval {
  Value begin, end;
};

/// The formulas of a sweep, for one block of queries. What depends on sizes alone mirrors domain::walk, which is checked by
/// brute force.
class KeyWalk {
public:
  /// `symbols`: the values of PairDomain::symbols. `tileKeys` is a multiple of the panel width.
  KeyWalk(Emit &emit, domain::Sweep const &sweep, KeyFilter &filter, QueryBlock const &queries, ArrayRef<Value> symbols,
          int64_t tileKeys, int64_t width);

  /// Whether tiles have lists, for which `allocate` makes room.
  bool needsList() const { return !isInterval; }
  void allocate();
  /// Calls `body` for every tile; each key is in one at most.
  void tiles(llvm::function_ref<void(KeyTile const &)> body);
  /// The keys of a tile, counted from its first, that rows [rowBegin, rowEnd) of the block may see: an interval that holds them.
  Interval hull(KeyTile const &tile, Value rowBegin, Value rowEnd);

private:
  struct Visible {
    domain::Part const *part;
    Interval keys; ///< empty if no query of the block passes the filters on queries
  };
  using Group = SmallVector<Visible>;

  SmallVector<Value> withRows(Value rowBegin, Value rowEnd);
  Interval interval(domain::KeyBounds const &bounds, SmallVector<Value> symbols);
  Interval withoutRows(domain::Part const &part, Interval keys, Value rowBegin, Value rowEnd);
  Value isFull(Value begin, Value end);
  Value nextPanel(Group const &group, Value position);
  Value isScanned(Value panel);
  Value fill(Value phase, Value &position);

  Emit &emit;
  domain::Sweep const &sweep;
  KeyFilter &filter;
  QueryBlock const &queries;
  SmallVector<Value> domainSymbols;
  int64_t tileKeys, width;
  bool isInterval; ///< there is one part, and nothing to scan
  Group closed, scanned;
  SmallVector<std::optional<SmallVector<Interval>>> violations; ///< of each part
  Value list;
};

} // namespace heed::kernels
