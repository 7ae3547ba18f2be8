// SplitSums.cpp - a sum over joined axes as one sum for each part.
#include "compiler/derive/Regions.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_SPLITSUMS
#include "compiler/derive/Passes.h.inc"

namespace {

/// The condition `index < bound`, or its opposite.
struct Boundary {
  int64_t bound;
  bool below; ///< whether the condition holds below the bound
};

std::optional<Boundary> boundaryOf(Value condition, Value index) {
  using Predicate = arith::CmpIPredicate;
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare || !isa<IndexType>(compare.getLhs().getType()))
    return std::nullopt;
  AffineExpr left = derive::affineOf(compare.getLhs(), index), right = derive::affineOf(compare.getRhs(), index);
  if (!left || !right)
    return std::nullopt;
  AffineExpr difference = simplifyAffineExpr(left - right - getAffineDimExpr(0, index.getContext()), 1, 0);
  auto constant = dyn_cast<AffineConstantExpr>(difference);
  if (!constant)
    return std::nullopt;
  // index + constant ? 0
  int64_t bound = -constant.getValue();
  switch (compare.getPredicate()) {
  case Predicate::slt: return Boundary{bound, true};
  case Predicate::sle: return Boundary{bound + 1, true};
  case Predicate::sgt: return Boundary{bound + 1, false};
  case Predicate::sge: return Boundary{bound, false};
  default: return std::nullopt;
  }
}

/// The smallest and largest value of an index expression for an index in [0, size).
std::optional<std::pair<int64_t, int64_t>> rangeOf(Value value, Value index, int64_t size) {
  AffineExpr expr = derive::affineOf(value, index);
  if (!expr)
    return std::nullopt;
  AffineMap map = AffineMap::get(1, 0, expr);
  auto at = [&](int64_t position) {
    Builder builder(index.getContext());
    SmallVector<Attribute> result;
    (void)map.constantFold(builder.getIndexAttr(position), result);
    return cast<IntegerAttr>(result.front()).getInt();
  };
  // Affine without a division is monotonic in one variable.
  bool divides = expr.walk([](AffineExpr part) {
                       return part.getKind() >= AffineExprKind::Mod && part.getKind() <= AffineExprKind::CeilDiv
                                  ? WalkResult::interrupt()
                                  : WalkResult::advance();
                     })
                     .wasInterrupted();
  if (divides)
    return std::nullopt;
  int64_t first = at(0), last = at(size - 1);
  return std::make_pair(std::min(first, last), std::max(first, last));
}

/// One sum and the definition around it.
class Splitter {
public:
  Splitter(ReduceOp sum, Operation *definition)
      : sum(sum), definition(definition), index(sum.getValueBlock()->getArgument(0)) {}

  /// The two sums in place of `sum`, which is gone then.
  std::optional<std::pair<ReduceOp, ReduceOp>> run() {
    std::optional<int64_t> size = getConstantIntValue(sum.getSizes().front());
    if (!size)
      return std::nullopt;
    inlineJoins();
    std::optional<int64_t> bound = findBound(*size);
    if (!bound)
      return std::nullopt;
    OpBuilder builder(sum);
    ReduceOp low = part(builder, 0, *bound, *bound), high = part(builder, *bound, *size - *bound, *bound);
    Value both = arith::AddFOp::create(builder, sum.getLoc(), low, high);
    remark::passed(sum.getLoc(), remark::RemarkOpts::name("SplitSum").category("derive"))
        << "summed in two parts, which depend on fewer indices, at " << std::to_string(*bound);
    sum.replaceAllUsesWith(both);
    sum.erase();
    return std::make_pair(low, high);
  }

private:
  /// Definitions that choose by the summed index, computed where the sum reads them.
  void inlineJoins() {
    SmallVector<tensor::ExtractOp> reads;
    sum.getValue().walk([&](tensor::ExtractOp read) { reads.push_back(read); });
    for (tensor::ExtractOp read : reads) {
      auto producer = read.getTensor().getDefiningOp<DefineOp>();
      if (!producer || derive::containsReduce(producer) || !producer.getYielded().getDefiningOp<arith::SelectOp>() ||
          !llvm::is_contained(read.getIndices(), index))
        continue;
      // Only where the parts then depend on fewer indices than the whole.
      auto choice = producer.getYielded().getDefiningOp<arith::SelectOp>();
      if (!fewer(derive::indicesOf(choice.getTrueValue(), producer), derive::indicesOf(choice.getFalseValue(), producer)))
        continue;
      OpBuilder builder(read);
      IRMapping map;
      map.map(producer.getValueBlock()->getArguments(), read.getIndices());
      read.replaceAllUsesWith(derive::cloneSlice(builder, producer.getYielded(), producer, map));
      read.erase();
      if (producer->use_empty())
        producer.erase();
    }
  }

  /// Whether each side lacks an index of the other.
  static bool fewer(derive::IndexSet const &a, derive::IndexSet const &b) {
    auto lacks = [](derive::IndexSet const &some, derive::IndexSet const &of) {
      return llvm::any_of(of, [&](Value index) { return !some.contains(index); });
    };
    return lacks(a, b) && lacks(b, a);
  }

  std::optional<int64_t> findBound(int64_t size) {
    std::optional<int64_t> bound;
    sum.getValue().walk([&](arith::SelectOp choice) {
      std::optional<Boundary> found = boundaryOf(choice.getCondition(), index);
      if (!bound && found && found->bound > 0 && found->bound < size &&
          fewer(derive::indicesOf(choice.getTrueValue(), definition),
                derive::indicesOf(choice.getFalseValue(), definition)))
        bound = found->bound;
    });
    return bound;
  }

  /// The sum over [begin, begin + size), which lies on one side of `bound`.
  ReduceOp part(OpBuilder &builder, int64_t begin, int64_t size, int64_t bound) {
    Value sizeValue = arith::ConstantIndexOp::create(builder, sum.getLoc(), size);
    auto body = [&](OpBuilder &inner, Location location, ValueRange arguments) {
      IRMapping map;
      AffineExpr shifted = inner.getAffineDimExpr(0) + begin;
      map.map(index, begin == 0 ? arguments.front()
                                : Value(affine::AffineApplyOp::create(inner, location, AffineMap::get(1, 0, shifted),
                                                                      arguments)));
      return copy(inner, sum.getYielded(), map, arguments.front(), size, begin, bound);
    };
    return ReduceOp::create(builder, sum.getLoc(), sum.getType(), ReduceKind::Sum, sizeValue, nullptr, body);
  }

  /// Copies `value`; choices that the part decides are decided, and so are limits that it does not reach.
  Value copy(OpBuilder &builder, Value value, IRMapping &map, Value own, int64_t size, int64_t begin, int64_t bound) {
    if (Value known = map.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op || !sum->isProperAncestor(op))
      return value;
    auto next = [&](Value operand) { return copy(builder, operand, map, own, size, begin, bound); };
    auto remember = [&](Value result) {
      map.map(value, result);
      return result;
    };
    if (auto choice = dyn_cast<arith::SelectOp>(op))
      if (std::optional<Boundary> found = boundaryOf(choice.getCondition(), index); found && found->bound == bound)
        return remember(next((begin < bound) == found->below ? choice.getTrueValue() : choice.getFalseValue()));
    if (isa<arith::MinSIOp, arith::MaxSIOp>(op)) {
      Value a = next(op->getOperand(0)), b = next(op->getOperand(1));
      auto left = rangeOf(a, own, size), right = rangeOf(b, own, size);
      bool min = isa<arith::MinSIOp>(op);
      if (left && right && (min ? left->second <= right->first : left->first >= right->second))
        return remember(a);
      if (left && right && (min ? right->second <= left->first : right->first >= left->second))
        return remember(b);
    }
    if (op->getNumRegions() != 0)
      return derive::cloneSlice(builder, value, sum, map);
    for (Value operand : op->getOperands())
      next(operand);
    Operation *cloned = builder.clone(*op, map);
    for (auto [from, to] : llvm::zip_equal(op->getResults(), cloned->getResults()))
      map.map(from, to);
    return map.lookup(value);
  }

  ReduceOp sum;
  Operation *definition;
  Value index;
};

struct SplitSums : impl::SplitSumsBase<SplitSums> {
  void runOnOperation() override {
    SmallVector<Operation *> definitions;
    getOperation().walk([&](Operation *op) {
      if (isa<DefineOp, SoftmaxOp>(op))
        definitions.push_back(op);
    });
    for (Operation *definition : definitions) {
      SmallVector<ReduceOp> worklist;
      definition->walk([&](ReduceOp sum) { worklist.push_back(sum); });
      while (!worklist.empty()) {
        ReduceOp sum = worklist.pop_back_val();
        if (sum.getKind() != ReduceKind::Sum || sum.getSizes().size() != 1 || sum.hasDomain() ||
            !isa<FloatType>(sum.getType()) || derive::containsReduce(sum))
          continue;
        if (auto parts = Splitter(sum, definition).run())
          worklist.append({parts->first, parts->second});
      }
    }
    derive::eraseUnused(getOperation());
  }
};

} // namespace
} // namespace heed
