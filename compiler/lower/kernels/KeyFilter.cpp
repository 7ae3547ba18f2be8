// KeyFilter.cpp - ranges of data over the queries of a block, compared with the data of neighbouring keys on lanes.
#include "compiler/lower/kernels/KeyFilter.h"
#include "compiler/lower/kernels/MatrixView.h"

using namespace mlir;
using Predicate = mlir::arith::CmpIPredicate;

namespace heed::kernels {

KeyFilter::KeyFilter(Emit &emit, ir::AttentionOp op, QueryBlock const &queries, int64_t lanes)
    : emit(emit), op(op), queries(queries), lanes(lanes) {
  if (!op.hasDomain())
    return;
  Region &region = op.getDomain();
  analysis.emplace(region, region.getArguments().drop_front(op.getColumnDim()));
  supported = analysis->isSupported();
}

void KeyFilter::prepare(domain::Part const &part) {
  if (!scans(part))
    return;
  for (domain::Atom const &atom : part.keyFilters) {
    if (!atom.isComparison() || bounds.contains(atom.row))
      continue;
    auto valueAt = [&](Value row) {
      SmallVector<Value> leading(queries.batch);
      leading.push_back(queries.steps.row(emit, emit.add(queries.begin, row)));
      return evaluateUniform(emit, op.getDomain(), atom.row, leading);
    };
    Value first = valueAt(emit.min(worker(), emit.sub(queries.count, emit.index(1))));
    SmallVector<Value> range =
        emit.loop(emit.add(worker(), workers()), queries.count, workers(), ValueRange{first, first},
                  [&](Value row, ValueRange so) -> SmallVector<Value> {
                    Value value = valueAt(row);
                    return {arith::MinSIOp::create(emit, so[0], value), arith::MaxSIOp::create(emit, so[1], value)};
                  });
    bounds[atom.row] = {leastOf(range[0]), largestOf(range[1])};
  }
}

Value KeyFilter::anyRow(domain::Part const &part, Value rowBegin, Value rowEnd) {
  Value no = arith::ConstantOp::create(emit, emit.getBoolAttr(false));
  SmallVector<Value> any = emit.loop(
      emit.add(rowBegin, worker()), rowEnd, workers(), no, [&](Value row, ValueRange so) -> SmallVector<Value> {
        SmallVector<Value> leading(queries.batch);
        leading.push_back(queries.steps.row(emit, emit.add(queries.begin, row)));
        Value all;
        for (domain::Atom const &atom : part.rowFilters) {
          Value one = evaluateUniform(emit, op.getDomain(), atom.opaque, leading);
          if (atom.negated)
            one = arith::XOrIOp::create(emit, one, arith::ConstantOp::create(emit, emit.getBoolAttr(true)));
          all = all ? Value(arith::AndIOp::create(emit, all, one)) : one;
        }
        return {arith::OrIOp::create(emit, so[0], all)};
      });
  return anyOf(any.front());
}

Value KeyFilter::passes(domain::Atom const &atom, Value value) {
  auto vector = dyn_cast<VectorType>(value.getType());
  if (!atom.isComparison()) {
    if (!atom.negated)
      return value;
    TypedAttr yes = vector ? TypedAttr(DenseElementsAttr::get(vector, true)) : TypedAttr(emit.getBoolAttr(true));
    return arith::XOrIOp::create(emit, value, arith::ConstantOp::create(emit, yes));
  }
  Bounds range = bounds.lookup(atom.row);
  // Some r in [least, largest] with r ? value.
  auto compare = [&](Value side, Predicate predicate) -> Value {
    return arith::CmpIOp::create(emit, predicate, vector ? emit.broadcast(vector.getNumElements(), side) : side, value);
  };
  switch (atom.predicate) {
  case Predicate::slt:
  case Predicate::sle:
    return compare(range.least, atom.predicate);
  case Predicate::sgt:
  case Predicate::sge:
    return compare(range.largest, atom.predicate);
  case Predicate::eq:
    return arith::AndIOp::create(emit, compare(range.least, Predicate::sle), compare(range.largest, Predicate::sge));
  default:
    return arith::OrIOp::create(emit, compare(range.least, Predicate::ne), compare(range.largest, Predicate::ne));
  }
}

Value KeyFilter::anyKey(domain::Part const &part, Value begin, int64_t width) {
  Region &region = op.getDomain();
  Value any;
  for (int64_t offset = 0; offset < width; offset += lanes) {
    Value first = emit.add(begin, offset);
    Value mask = maskOfFirst(emit, lanes, emit.max(emit.sub(queries.steps.keys, first), emit.index(0)));
    LaneCode code(emit, *analysis, lanes, mask);
    for (auto [argument, value] : llvm::zip(region.getArguments(), queries.batch))
      code.bindUniform(argument, value);
    // No filter depends on the row itself; the first stands for it where the code in between is evaluated.
    code.bindUniform(region.getArgument(op.getRowDim()), queries.steps.row(emit, queries.begin));
    code.bindStrided(region.getArgument(op.getColumnDim()), queries.steps.key(emit, first), queries.steps.stride);
    code.run(region.front());
    Value all = mask;
    for (domain::Atom const &atom : part.keyFilters)
      all = arith::AndIOp::create(emit, all, passes(atom, code.valueOf(keySide(atom))));
    any = any ? Value(arith::OrIOp::create(emit, any, all)) : all;
  }
  return vector::ReductionOp::create(emit, vector::CombiningKind::OR, any);
}

} // namespace heed::kernels
