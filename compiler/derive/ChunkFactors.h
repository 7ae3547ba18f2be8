// ChunkFactors.h - the factors of a causal sum, at the rows and keys of one chunk.
#pragma once

#include "compiler/derive/CausalSum.h"

#include <map>

namespace heed::derive {

/// Consecutive rows, and what the rows of all chunks have in common.
struct Chunk {
  llvm::SmallVector<mlir::Value> batch; // indices of the present head
  mlir::OpFoldResult shift, origin;     // of all chunks: those of the sum
  mlir::OpFoldResult before;            // keys that the first row sees besides its own
  mlir::OpFoldResult first;             // rows in front of it see none
  mlir::OpFoldResult base, previous, length; // of this chunk: first row, the row whose view the state is, rows
  mlir::OpFoldResult offset;                 // of the first row in the chunk that local definitions belong to

  /// Moves to `rows` rows from `row`.
  void begin(mlir::OpBuilder &builder, mlir::Location location, mlir::OpFoldResult row, mlir::OpFoldResult rows);
};

/// Where a factor is evaluated. Null for what a factor does not depend on. A step is a row or a key as a position in the chunk.
struct Point {
  mlir::Value row, column, inner, feature;
  mlir::Value rowStep, columnStep;
};

/// The sums over a range that factors of pairs read, over the steps of one chunk.
enum class Range {
  Pair,  // from behind the key (or from the key) to the row
  Read,  // from behind the last row before the chunk to the row
  Write, // from behind the key (or from the key) to the last row of the chunk
  Carry  // all of the chunk
};

/// The sum of index values, built as it stands: inside a body under construction nothing may look for the surroundings.
mlir::Value indexSum(mlir::OpBuilder &at, mlir::Location location, llvm::ArrayRef<mlir::OpFoldResult> terms);

/// A read, inside a sum or its products, of a definition that is computed chunk by chunk: one subscript is the row or the key.
struct LocalRead {
  mlir::tensor::ExtractOp read;
  heed::ir::DefineOp producer;
  mlir::Operation *owner = nullptr; // the definition of the sum or of its products
  bool ofRow = false;
};
/// Nothing if other subscripts are more than indices.
std::optional<LocalRead> localRead(CausalSum &match, mlir::tensor::ExtractOp read);

class ChunkFactors {
public:
  /// `locals` are computed for every chunk; `builder` stands where the chunk is computed.
  ChunkFactors(CausalSum &match, mlir::OpBuilder &builder, Chunk const &chunk, llvm::ArrayRef<LocalRead> locals)
      : match(match), builder(builder), location(match.out.getLoc()), chunk(chunk), locals(locals) {}

  struct Part {
    llvm::ArrayRef<mlir::Value> factors;
    heed::ir::DefineOp owner;
  };
  /// Which table the sums over ranges are read from, and the row and key of the chunk.
  struct Place {
    Range range = Range::Pair;
    mlir::Value row, key;
  };

  /// The product of all factors; null if there are none.
  mlir::Value product(mlir::OpBuilder &body, Point point, Place place, llvm::ArrayRef<Part> parts);

  /// The table of a range, for every sum that pairs read.
  void prepare(Range range);
  /// The definitions of this chunk alone.
  void prepareLocals();
  /// Reads those of `other`, whose chunk holds this one.
  void shareLocals(ChunkFactors const &other) {
    locals = other.locals;
    localTables = other.localTables;
  }

  mlir::Value rowAt(mlir::OpBuilder &body, mlir::Value row) { return indexSum(body, location, {chunk.base, row}); }
  mlir::Value columnAt(mlir::OpBuilder &body, mlir::Value key) {
    return indexSum(body, location, {chunk.base, chunk.shift, key});
  }
  mlir::Value stepAt(mlir::OpBuilder &body, mlir::Value row) { return indexSum(body, location, {chunk.offset, row}); }

private:
  mlir::Value indexHere(mlir::Value axis, Point const &point);
  mlir::Value readLocal(mlir::OpBuilder &body, unsigned number, Point const &point);
  mlir::Value rangeTable(RangeSum const &range, bool byRow, bool byKey, bool perInner);
  mlir::Value batchValue(mlir::OpBuilder &body, mlir::Value subscript);

  CausalSum &match;
  mlir::OpBuilder &builder;
  mlir::Location location;
  Chunk const &chunk;
  llvm::ArrayRef<LocalRead> locals;
  llvm::SmallVector<mlir::Value> localTables; // by number of the read
  std::map<std::pair<Range, unsigned>, std::pair<mlir::Value, bool>> tables; // by range and sum: values, and whether per inner index
};

} // namespace heed::derive
