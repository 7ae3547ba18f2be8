// KeyFilter.h - scans of data that find out which keys a block of queries can see at all.
#pragma once

#include "compiler/domain/Sweeps.h"
#include "compiler/lower/kernels/LaneCode.h"
#include "dialect/HeedOps.h"

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

/// Queries [begin, begin + count) of a residue class, for one position of the batch indices. If several positions share their
/// keys, a block has a row for each of these `members` of every query: row r is query r / members for member r % members.
struct QueryBlock {
  Steps steps;
  SmallVector<Value> batch; ///< of the first member
  Value begin, count;
  int64_t members = 1;
  unsigned memberDim = 0; ///< the batch index that numbers them

  Value rows(Emit &emit) const { return emit.mul(count, members); }
  /// The index i of a row.
  Value rowIndex(Emit &emit, Value row) const { return steps.row(emit, emit.add(begin, emit.div(row, members))); }
  SmallVector<Value> batchOf(Emit &emit, Value row) const {
    SmallVector<Value> result(batch);
    if (members > 1)
      result[memberDim] =
          emit.add(result[memberDim], emit.createOrFold<mlir::arith::RemUIOp>(row, emit.index(members)));
    return result;
  }
};

/// Evaluates the filters of the parts of a sweep. All answers err towards "some pair may be visible".
///
/// Threads of a device that ask together can share the work: each looks at every `workers`-th row and key from its own on, and
/// what they found is joined.
class KeyFilter {
public:
  KeyFilter(Emit &emit, ir::AttentionOp op, QueryBlock const &queries, int64_t lanes);
  virtual ~KeyFilter() = default;

  /// Whether the keys that `part` sees are found by a scan.
  bool scans(domain::Part const &part) const { return supported && !part.keyFilters.empty(); }
  /// Reads what the queries of the block compare with.
  void prepare(domain::Part const &part);
  /// Whether one of the rows [rowBegin, rowEnd) of the block passes the filters on queries.
  Value anyRow(domain::Part const &part, Value rowBegin, Value rowEnd);
  /// Whether one of the keys u in [begin, begin + width) passes the filters on keys.
  virtual Value anyKey(domain::Part const &part, Value begin, int64_t width);

protected:
  virtual int64_t workers() const { return 1; }
  virtual Value worker() { return emit.index(0); }
  virtual Value anyOf(Value found) { return found; }
  virtual Value leastOf(Value value) { return value; }
  virtual Value largestOf(Value value) { return value; }

  /// What a filter on keys reads of a key.
  static Value keySide(domain::Atom const &atom) { return atom.isComparison() ? atom.column : atom.opaque; }
  /// Whether keys pass a filter that reads `value` of them, a scalar or a vector.
  Value passes(domain::Atom const &atom, Value value);

  Emit &emit;
  ir::AttentionOp op;
  QueryBlock const &queries;

private:
  struct Bounds {
    Value least, largest; ///< of the query's side of a comparison over the block
  };

  int64_t lanes;
  std::optional<LaneAnalysis> analysis;
  bool supported = false;
  llvm::DenseMap<Value, Bounds> bounds; ///< by the query's side
};

} // namespace heed::kernels
