// Recurrence.cpp - recurrences as scans: which rows of a member are kept, and where.
#include "compiler/import/Importer.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;

namespace heed {

/// A member of a recurrence and the rows that outlive their step.
struct Importer::Member {
  Definition const *definition;
  SmallVector<IndexId> axes; // without the step
  bool whole = false;        // all rows are kept: somebody reads them after the scan, or at a computed step
  int64_t history = 0;       // how many steps back members look
  bool backward = false;

  TensorId tensor() const { return definition->tensor; }
  bool hasState() const { return whole || history > 0; }
};

namespace {

/// Visits every read of an expression once, however often its subtrees are shared.
class ReadWalk {
public:
  explicit ReadWalk(std::function<void(Expr::Read const &)> visit) : visit(std::move(visit)) {}

  void operator()(ExprPtr const &expr) {
    if (!expr || !seen.insert(expr.get()).second)
      return;
    if (auto *read = std::get_if<Expr::Read>(&expr->node)) {
      visit(*read);
      for (ExprPtr const &subscript : read->subscripts)
        (*this)(subscript);
    } else if (auto *unary = std::get_if<Expr::Unary>(&expr->node)) {
      (*this)(unary->operand);
    } else if (auto *binary = std::get_if<Expr::Binary>(&expr->node)) {
      (*this)(binary->left), (*this)(binary->right);
    } else if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
      (*this)(select->condition), (*this)(select->ifTrue), (*this)(select->ifFalse);
    } else if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
      (*this)(reduce->domain), (*this)(reduce->body);
    }
  }
  void operator()(Definition const &definition) { (*this)(definition.domain), (*this)(definition.value); }
  void operator()(Recurrence const &recurrence) {
    for (Start const &start : recurrence.starts)
      (*this)(start.value);
    for (Definition const &member : recurrence.members)
      (*this)(member);
    (*this)(recurrence.until);
  }

private:
  std::function<void(Expr::Read const &)> visit;
  llvm::DenseSet<Expr const *> seen;
};

} // namespace

std::vector<Importer::Member> Importer::planMembers(Recurrence const &recurrence) {
  std::vector<Member> members;
  llvm::DenseMap<TensorId, size_t> position;
  for (Definition const &definition : recurrence.members) {
    position[definition.tensor] = members.size();
    Member &member = members.emplace_back();
    member.definition = &definition;
    member.backward = recurrence.backward;
    for (auto const &[axis, index] : llvm::enumerate(definition.indices))
      if (static_cast<int>(axis) != definition.timeAxis)
        member.axes.push_back(index);
    member.whole = llvm::is_contained(program.outputs, definition.tensor);
  }
  ReadWalk outside([&](Expr::Read const &read) {
    if (auto known = position.find(read.tensor); known != position.end())
      members[known->second].whole = true;
  });
  for (Step const &other : program.steps) {
    if (std::get_if<Recurrence>(&other) == &recurrence)
      continue;
    std::visit([&](auto const &node) { outside(node); }, other);
  }
  ReadWalk inside([&](Expr::Read const &read) {
    auto known = position.find(read.tensor);
    if (known == position.end())
      return;
    Member &member = members[known->second];
    std::optional<int64_t> offset = offsetFrom(recurrence.step, *read.subscripts[member.definition->timeAxis]);
    member.whole |= !offset;
    member.history = std::max(member.history, std::abs(offset.value_or(0)));
  });
  inside(recurrence);
  for (Start const &start : recurrence.starts) {
    Member &member = members[position[start.tensor]];
    member.history = std::max(member.history, recurrence.backward ? start.offset + 1 : -start.offset);
  }
  return members;
}

/// The row of step `time` in the state.
Value Importer::rowOf(Member const &member, Value time) {
  Storage const &place = storage[member.tensor()];
  AffineExpr d0 = builder.getAffineDimExpr(0);
  AffineExpr form = member.whole ? d0 + place.offset : d0 % place.ring;
  if (place.ring == 1)
    form = builder.getAffineConstantExpr(0);
  return getValueOrCreateConstantIndexOp(
      builder, builder.getLoc(), affine::makeComposedFoldedAffineApply(builder, builder.getLoc(), form, {time}));
}

Value Importer::insertRow(Member const &member, Value row, Value state, Value position) {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  Tensor const &tensor = program.tensors[member.tensor()];
  for (auto const &[axis, size] : llvm::enumerate(tensor.shape)) {
    bool time = static_cast<int>(axis) == member.definition->timeAxis;
    offsets.push_back(time ? OpFoldResult(position) : OpFoldResult(builder.getIndexAttr(0)));
    sizes.push_back(time                ? OpFoldResult(builder.getIndexAttr(1))
                    : size.isConstant() ? OpFoldResult(builder.getIndexAttr(size.constant))
                                        : OpFoldResult(sizeOf(size, /*taken=*/false)));
    strides.push_back(builder.getIndexAttr(1));
  }
  return tensor::InsertSliceOp::create(builder, row, state, offsets, sizes, strides);
}

/// The state before the first step: rows for the values that the recurrence starts with.
Value Importer::startState(Member const &member, Recurrence const &recurrence, Value steps) {
  Tensor tensor = program.tensors[member.tensor()];
  Size &length = tensor.shape[member.definition->timeAxis];
  if (member.whole)
    length.constant += member.history;
  else
    length = Size{member.history, {}};
  builder.setLoc(locate(tensor.range, tensor.name));
  Value state = tensor::EmptyOp::create(builder, tensorType(tensor).getShape(), elementType(tensor.element),
                                        dynamicSizes(tensor));
  AffineExpr d0 = builder.getAffineDimExpr(0);
  for (int64_t back = 1; back <= member.history; ++back) {
    // A row without a value is excluded by domains; it is 0 only so that no step computes with arbitrary bits.
    int64_t offset = recurrence.backward ? back - 1 : -back;
    auto given = llvm::find_if(recurrence.starts, [&](Start const &start) {
      return start.tensor == member.tensor() && start.offset == offset;
    });
    Value row;
    if (given != recurrence.starts.end()) {
      emitChecks(given->indices, nullptr, given->value);
      row = define(member.tensor(), given->indices, member.definition->timeAxis, nullptr, given->value, -1);
    } else {
      Expr zero;
      Element element = tensor.element;
      if (element == Element::Bool)
        zero = {Scalar::Bool, {}, Expr::BoolConstant{false}};
      else if (element == Element::I32 || element == Element::I8)
        zero = {Scalar::Int, {}, Expr::IntConstant{0}};
      else
        zero = {Scalar::Real, {}, Expr::RealConstant{0}};
      row = define(member.tensor(), member.axes, member.definition->timeAxis, nullptr,
                   std::make_shared<Expr const>(zero), -1);
    }
    Value time;
    if (recurrence.backward)
      time = affine::makeComposedAffineApply(builder, builder.getLoc(), d0 + offset, {steps});
    else
      // Rings count from a multiple of their length, which t = -back and t = ring - back share.
      time = arith::ConstantOp::create(builder, builder.getIndexAttr(member.whole ? offset : member.history - back));
    state = insertRow(member, row, state, rowOf(member, time));
  }
  return state;
}

void Importer::importRecurrence(Recurrence const &recurrence) {
  std::vector<Member> members = planMembers(recurrence);
  IndexVariable const &variable = program.indices[recurrence.step];
  Value steps = sizeOf(recurrence.length, /*taken=*/true);

  SmallVector<Value> inits;
  for (Member const &member : members) {
    if (!member.hasState())
      continue;
    Storage &place = storage[member.tensor()];
    place.ring = member.whole ? 0 : member.history;
    place.offset = member.whole && !recurrence.backward ? member.history : 0;
    inits.push_back(startState(member, recurrence, steps));
  }
  bool checked = false;
  ReadWalk([&](Expr::Read const &read) { checked |= read.checked; })(recurrence);
  if (checked)
    inits.push_back(status);

  builder.setLoc(locate(program.tensors[members.front().tensor()].range, variable.name));
  auto scan = ir::ScanOp::create(builder, steps, inits, recurrence.backward, recurrence.until != nullptr);
  Location location = builder.getLoc();
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(&scan.getBody().front());
    scan.getStep().setLoc(NameLoc::get(builder.getStringAttr(variable.name)));
    indices[recurrence.step] = scan.getStep();
    bound.push_back(recurrence.step);
    step = recurrence.step;
    auto states = scan.getStateArguments();
    if (checked)
      status = states.back();
    size_t next = 0;
    for (Member const &member : members) {
      Storage &place = storage[member.tensor()];
      place.timeAxis = member.definition->timeAxis;
      place.value = {};
      if (member.hasState())
        place.state = states[next++];
    }
    for (Member const &member : members) {
      Definition const &definition = *member.definition;
      emitChecks(member.axes, definition.domain, definition.value);
      storage[member.tensor()].value = define(member.tensor(), member.axes, definition.timeAxis, definition.domain,
                                              definition.value, definition.softmaxAxis);
    }
    Value until;
    if (recurrence.until) {
      emitChecks(recurrence.until, {}, {});
      until = scoped([&] { return scalar(recurrence.until); });
    }
    // Rows are written last: until then every read of an earlier step sees the state as it was.
    SmallVector<Value> results;
    builder.setLoc(location);
    for (Member const &member : members)
      if (member.hasState()) {
        Storage &place = storage[member.tensor()];
        results.push_back(insertRow(member, place.value, place.state, rowOf(member, scan.getStep())));
      }
    if (checked)
      results.push_back(status);
    ir::YieldOp::create(builder, results, until);
    bound.pop_back();
    step.reset();
  }

  size_t next = 0;
  for (Member const &member : members) {
    Storage place = storage[member.tensor()];
    storage[member.tensor()] = {};
    if (!member.hasState())
      continue;
    Value state = scan.getStates()[next++];
    if (!member.whole)
      continue;
    if (member.history == 0) {
      storage[member.tensor()].value = state;
      continue;
    }
    SmallVector<OpFoldResult> offsets, sizes, strides;
    Tensor const &tensor = program.tensors[member.tensor()];
    for (auto const &[axis, size] : llvm::enumerate(tensor.shape)) {
      bool time = static_cast<int>(axis) == member.definition->timeAxis;
      offsets.push_back(builder.getIndexAttr(time ? place.offset : 0));
      sizes.push_back(size.isConstant() ? OpFoldResult(builder.getIndexAttr(size.constant))
                                        : OpFoldResult(sizeOf(size, /*taken=*/false)));
      strides.push_back(builder.getIndexAttr(1));
    }
    storage[member.tensor()].value =
        tensor::ExtractSliceOp::create(builder, tensorType(tensor), state, offsets, sizes, strides);
  }
  if (checked)
    status = scan.getStates().back();
  if (recurrence.until)
    taken[recurrence.lengthDim] = scan.getTaken();
}

} // namespace heed
