// LoopPlan.cpp - chooses the vector dimension of a linalg operation on buffers.
#include "compiler/lower/LoopPlan.h"

#include "compiler/lower/Lanes.h"
#include "compiler/lower/VectorBody.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using linalg::GenericOp;

namespace heed {
namespace {

constexpr double gatherCost = 8, consecutiveCost = 1, uniformCost = 0.1;

bool isReduction(utils::IteratorType iterator) { return iterator == utils::IteratorType::reduction; }

/// By how much an expression moves when `dim` does; nothing if that is not constant.
std::optional<int64_t> strideAlong(AffineExpr expression, unsigned dim) {
  if (!expression.isFunctionOfDim(dim))
    return 0;
  if (isa<AffineDimExpr>(expression))
    return 1;
  auto parts = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!parts)
    return std::nullopt;
  std::optional<int64_t> left = strideAlong(parts.getLHS(), dim), right = strideAlong(parts.getRHS(), dim);
  if (!left || !right)
    return std::nullopt;
  if (parts.getKind() == AffineExprKind::Add)
    return *left + *right;
  if (parts.getKind() == AffineExprKind::Mul)
    if (auto factor = dyn_cast<AffineConstantExpr>(parts.getRHS()))
      return *left * factor.getValue();
  return std::nullopt;
}

double costOfOperand(OpOperand &operand, AffineMap map, unsigned dim) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type || !map.isFunctionOfDim(dim))
    return uniformCost;
  auto [strides, offset] = type.getStridesAndOffset();
  int64_t total = 0;
  for (auto [axis, expression] : llvm::enumerate(map.getResults())) {
    std::optional<int64_t> stride = strideAlong(expression, dim);
    if (!stride)
      return gatherCost;
    if (*stride == 0)
      continue;
    if (ShapedType::isDynamic(strides[axis]))
      return gatherCost;
    total += *stride * strides[axis];
  }
  return total == 1 ? consecutiveCost : total == 0 ? uniformCost : gatherCost;
}

/// By how much a subscript of a captured buffer moves with `dim`; nothing if unknown.
std::optional<int64_t> strideOfValue(Value value, unsigned dim, Block &body) {
  Operation *op = value.getDefiningOp();
  if (!op || !body.getParent()->isAncestor(op->getParentRegion()))
    return op || !isa<BlockArgument>(value) || cast<BlockArgument>(value).getOwner() != &body
               ? std::optional<int64_t>(0)
               : std::nullopt;
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return index.getDim() == dim ? 1 : 0;
  if (isa<arith::IndexCastOp>(op))
    return strideOfValue(op->getOperand(0), dim, body);
  SmallVector<std::optional<int64_t>> strides =
      llvm::map_to_vector(op->getOperands(), [&](Value operand) { return strideOfValue(operand, dim, body); });
  if (llvm::is_contained(strides, std::nullopt))
    return std::nullopt;
  if (llvm::all_of(strides, [](auto const &stride) { return *stride == 0; }))
    return 0;
  if (isa<arith::AddIOp>(op))
    return *strides[0] + *strides[1];
  if (isa<arith::SubIOp>(op))
    return *strides[0] - *strides[1];
  if (isa<arith::MulIOp>(op))
    for (unsigned side : {0u, 1u})
      if (std::optional<int64_t> factor = getConstantIntValue(op->getOperand(side)))
        return *strides[1 - side] * *factor;
  return std::nullopt;
}

double costOfCapturedReads(Block &body, unsigned dim) {
  double cost = 0;
  body.walk([&](memref::LoadOp load) {
    auto [strides, offset] = load.getMemRefType().getStridesAndOffset();
    int64_t total = 0;
    for (auto [axis, index] : llvm::enumerate(load.getIndices())) {
      std::optional<int64_t> stride = strideOfValue(index, dim, body);
      if (stride && *stride == 0)
        continue;
      if (!stride || ShapedType::isDynamic(strides[axis])) {
        cost += gatherCost;
        return;
      }
      total += *stride * strides[axis];
    }
    cost += total == 1 ? consecutiveCost : total == 0 ? uniformCost : gatherCost;
  });
  return cost;
}

/// Upstream's knows no index arithmetic.
std::optional<TypedAttr> neutralOf(Operation *combiner) {
  Type type = combiner->getResult(0).getType();
  if (!type.isIndex())
    return arith::getNeutralElement(combiner);
  std::optional<int64_t> value = llvm::TypeSwitch<Operation *, std::optional<int64_t>>(combiner)
                                     .Case([](arith::AddIOp) { return 0; })
                                     .Case([](arith::MulIOp) { return 1; })
                                     .Case([](arith::MaxSIOp) { return std::numeric_limits<int64_t>::min(); })
                                     .Case([](arith::MinSIOp) { return std::numeric_limits<int64_t>::max(); })
                                     .Default([](Operation *) { return std::nullopt; });
  if (!value)
    return std::nullopt;
  return IntegerAttr::get(type, *value);
}

/// The one operation that combines each output with a new value, if it has a neutral element.
bool matchCombiners(GenericOp op, SmallVectorImpl<Combiner> &combiners) {
  for (unsigned output = 0; output < op.getNumDpsInits(); ++output) {
    SmallVector<Operation *> chain;
    if (!matchReduction(op.getRegionOutputArgs(), output, chain) || chain.size() != 1)
      return false;
    std::optional<TypedAttr> neutral = neutralOf(chain.front());
    // The new value must not depend on another output.
    if (!neutral || !op.getRegionOutputArgs()[output].hasOneUse())
      return false;
    combiners.push_back({chain.front(), *neutral});
  }
  return true;
}

int64_t lanesFor(GenericOp op, unsigned vectorBits) {
  unsigned widest = 32;
  auto see = [&](Type type) {
    if (type.isIntOrFloat())
      widest = std::max(widest, type.getIntOrFloatBitWidth());
  };
  for (Value operand : op->getOperands())
    see(getElementTypeOrSelf(operand.getType()));
  op.getBody()->walk([&](Operation *nested) {
    for (Type type : nested->getResultTypes())
      see(type);
  });
  return vectorBits / std::min(widest, 64u);
}

} // namespace

LoopPlan planLoops(GenericOp op, unsigned vectorBits) {
  LoopPlan plan;
  Block &body = *op.getBody();
  plan.cost = costOf(body) + op->getNumOperands();
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  Operation *obstacle = findUnvectorisable(body);
  if (obstacle)
    plan.reason = ("'" + obstacle->getName().getStringRef() + "' has no vector form").str();

  int64_t lanes = lanesFor(op, vectorBits);
  double bestCost = std::numeric_limits<double>::infinity();
  bool combinable = matchCombiners(op, plan.combiners);
  for (unsigned dim = 0; dim < op.getNumLoops() && !obstacle; ++dim) {
    bool reduced = isReduction(iterators[dim]);
    if ((reduced && !combinable) || sizes[dim] == 1)
      continue;
    // Every lane writes an element of its own, or none does.
    bool owns = llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
      return op.getMatchingIndexingMap(&init).isFunctionOfDim(dim) != reduced;
    });
    if (!owns)
      continue;
    double cost = costOfCapturedReads(body, dim) + (reduced ? 0.5 : 0);
    for (auto [operand, map] : llvm::zip_equal(op->getOpOperands(), maps))
      cost += costOfOperand(operand, map, dim);
    double useful =
        ShapedType::isDynamic(sizes[dim]) ? lanes : double(sizes[dim]) / llvm::divideCeil(sizes[dim], lanes);
    cost = (cost + plan.cost) / std::max(useful, 1e-3);
    if (cost <= bestCost) // the innermost of equals
      bestCost = cost, plan.vectorDim = dim;
  }
  if (!plan.vectorDim && plan.reason.empty() && op.getNumLoops() > 0)
    plan.reason = "no dimension can be vectorised";
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
    if (plan.vectorDim != dim)
      (isReduction(iterators[dim]) ? plan.reductions : plan.parallel).push_back(dim);
  if (!plan.vectorDim)
    return plan;

  plan.lanes = lanes;
  plan.vectorIsReduction = isReduction(iterators[*plan.vectorDim]);
  plan.cost = bestCost;
  // Independent accumulators hide the latency of their operation; without a reduction the loop itself is independent.
  if (plan.vectorIsReduction || !plan.reductions.empty()) {
    int64_t wanted = plan.vectorIsReduction || costOf(body) > 6 ? 4 : 8;
    if (int64_t size = sizes[*plan.vectorDim]; !ShapedType::isDynamic(size))
      wanted = std::min<int64_t>(wanted, std::max<int64_t>(1, llvm::bit_floor(uint64_t(size / lanes))));
    plan.interleave = std::max<int64_t>(1, wanted / int64_t(op.getNumDpsInits()));
  }
  return plan;
}

} // namespace heed
