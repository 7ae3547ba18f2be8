// Panels.cpp - row copies for matrices that lie along the panel, register transposes for those that lie across it.
#include "compiler/lower/kernels/Panels.h"
#include "compiler/lower/kernels/Transpose.h"

using namespace mlir;

namespace heed::kernels {

static void storeRow(Emit &emit, PanelCopy const &copy, Value vector, Value row, Value column) {
  SmallVector<Value> subscripts(copy.leading);
  subscripts.append({emit.sub(row, copy.rowBegin), column});
  vector::StoreOp::create(emit, vector, copy.buffer, subscripts);
}

static void copyAlong(Emit &emit, PanelCopy const &copy) {
  auto rows = [&](bool whole) {
    emit.loop(copy.rowBegin, copy.rowEnd, 1, [&](Value row) {
      for (int64_t offset = 0; offset < copy.width; offset += copy.lanes) {
        Value column = emit.add(copy.first, offset);
        Value count = whole ? Value() : emit.sub(copy.columns, column);
        Value vector = copy.source.loadVector(emit, copy.lanes, row, column, count);
        storeRow(emit, copy, vector, row, emit.index(offset));
      }
    });
  };
  Value whole = emit.compare(arith::CmpIPredicate::sle, emit.add(copy.first, copy.width), copy.columns);
  emit.branch(whole, [&] { rows(true); }, [&] { rows(false); });
}

/// `lanes` source rows of `lanes` elements each become `lanes` panel rows. A source row beyond the last is read as the
/// last, and its column is then cleared: columns are masked by `columns` in the store.
static void copyAcross(Emit &emit, PanelCopy const &copy) {
  Value zeros = emit.splat(copy.lanes, 0.0f);
  for (int64_t offset = 0; offset < copy.width; offset += copy.lanes) {
    Value base = emit.add(copy.first, offset), last = emit.sub(copy.columns, emit.index(1));
    Value mask = maskOfFirst(emit, copy.lanes, emit.sub(copy.columns, base));
    auto square = [&](Value row, Value count, bool whole) {
      SmallVector<Value> rows;
      for (int64_t lane = 0; lane < copy.lanes; ++lane) {
        Value column = emit.add(base, lane);
        rows.push_back(copy.source.loadVector(emit, copy.lanes, whole ? column : emit.min(column, last), row, count));
      }
      for (auto [lane, vector] : llvm::enumerate(emitTranspose(emit, rows))) {
        Value kept = whole ? vector : Value(arith::SelectOp::create(emit, mask, vector, zeros));
        if (!count) {
          storeRow(emit, copy, kept, emit.add(row, lane), emit.index(offset));
          continue;
        }
        emit.branch(emit.less(emit.index(lane), count),
                    [&] { storeRow(emit, copy, kept, emit.add(row, lane), emit.index(offset)); });
      }
    };
    auto rows = [&](bool whole) {
      Value count = emit.sub(copy.rowEnd, copy.rowBegin);
      Value full = emit.add(copy.rowBegin, emit.mul(emit.div(count, copy.lanes), copy.lanes));
      emit.loop(copy.rowBegin, full, copy.lanes, [&](Value row) { square(row, Value(), whole); });
      Value rest = emit.sub(copy.rowEnd, full);
      emit.branch(emit.less(emit.index(0), rest), [&] { square(full, rest, whole); });
    };
    Value whole = emit.compare(arith::CmpIPredicate::sle, emit.add(base, copy.lanes), copy.columns);
    Value none = emit.compare(arith::CmpIPredicate::sle, copy.columns, base);
    auto clear = [&] {
      emit.loop(copy.rowBegin, copy.rowEnd, 1,
                [&](Value row) { storeRow(emit, copy, zeros, row, emit.index(offset)); });
    };
    emit.branch(whole, [&] { rows(true); }, [&] { emit.branch(none, clear, [&] { rows(false); }); });
  }
}

void emitPanelCopy(Emit &emit, PanelCopy const &copy) {
  if (!copy.transposed)
    return copyAlong(emit, copy);
  if (copy.source.isContiguous() && copy.lanes >= 4)
    return copyAcross(emit, copy);
  // Neither direction is contiguous: element by element, through the same masks.
  MatrixView const &source = copy.source;
  emit.loop(copy.rowBegin, copy.rowEnd, 1, [&](Value row) {
    for (int64_t offset = 0; offset < copy.width; offset += copy.lanes) {
      Value base = emit.add(copy.first, offset);
      Value count = emit.min(emit.sub(copy.columns, base), emit.index(copy.lanes));
      Value zeros = emit.splat(copy.lanes, 0.0f);
      Value vector = emit.loop(emit.index(0), count, 1, zeros,
                               [&](Value lane, ValueRange sums) -> SmallVector<Value> {
                                 Value scalar = source.load(emit, emit.add(base, lane), row);
                                 return {vector::InsertOp::create(emit, scalar, sums[0], OpFoldResult(lane))};
                               })
                         .front();
      storeRow(emit, copy, vector, row, emit.index(offset));
    }
  });
}

} // namespace heed::kernels
