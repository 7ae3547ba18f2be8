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
  Value consecutive;   ///< whether key k is first + k
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

  /// Visits only part `number` of `parts`: as many whole tiles as each other part, the last ones less. Before tiles are taken.
  void take(Value number, Value parts);

  /// Whether tiles have lists, for which `allocate` makes room.
  bool needsList() const { return !isInterval; }
  void allocate();
  /// Position in the sweep of key `key` of a tile.
  Value step(KeyTile const &tile, Value key);

  /// Of some rows of the block: for each part that formulas describe, intervals that hold the keys outside of it.
  struct Violations {
    Interval rows; ///< of the sweep
    SmallVector<std::optional<SmallVector<Interval>>> parts;
  };
  /// For rows [rowBegin, rowEnd) of the block.
  Violations violations(Value rowBegin, Value rowEnd);
  /// Whether the rows see all keys at [begin, end) of the sweep.
  Value isFull(Violations const &violations, Value begin, Value end);

  /// Calls `body` for every tile; each key is in one at most.
  void tiles(llvm::function_ref<void(KeyTile const &)> body);

  /// Where a walk is that goes from tile to tile by itself: values that a loop carries.
  using Cursor = SmallVector<Value, 2>;
  Cursor start();
  /// The next tile and the cursor behind it; a tile of no keys stands for the end. Only for tiles of one panel.
  std::pair<KeyTile, Cursor> next(Cursor const &cursor);
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
  Value nextPanel(Group const &group, Value position);
  Value misses(domain::Lattice const &lattice, Interval rows, Interval keys);
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
  Violations blockViolations;
  Value list;
};

} // namespace heed::kernels
