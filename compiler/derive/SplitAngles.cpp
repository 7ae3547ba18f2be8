// SplitAngles.cpp - the cosine or sine of an angle between a row and a column as a part of their product.
#include "compiler/derive/InlineReads.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_SPLITANGLES
#include "compiler/derive/Passes.h.inc"

namespace {

using derive::IndexSet;

/// A value of a pair as left + right: what the row gives and what the column gives.
struct Halves {
  Value left, right;
};

/// weights[.., i, .., j, ..] = sum_c query(i, c) * key(j, c) times the cosine (or sine) of left(i) + right(j), times factors of one side.
/// Indices are those of `weights`.
struct Turned {
  DefineOp weights, dots;
  ReduceOp sum;
  int64_t size = 0;
  IRMapping names;               // from the indices of `dots`
  SmallVector<Value> query, key; // factors inside `dots`
  SmallVector<Value> rowFactors, columnFactors;
  bool sine = false;
  Halves angle;
  IndexSet queryIndices, keyIndices;
};

class Matcher {
public:
  explicit Matcher(DefineOp weights) : builder(weights) { match.weights = weights; }

  bool run() {
    SmallVector<Value> factors;
    derive::collectFactors(match.weights.getYielded(), factors);
    auto turned = llvm::find_if(factors, [](Value factor) { return isa_and_nonnull<math::CosOp, math::SinOp>(factor.getDefiningOp()); });
    if (turned == factors.end())
      return false;
    Operation *function = turned->getDefiningOp();
    factors.erase(turned);
    match.sine = isa<math::SinOp>(function);
    auto dots = llvm::find_if(factors, [&](Value factor) { return isProduct(factor); });
    if (dots == factors.end())
      return false;
    factors.erase(dots);
    // The column is an index of the angle that only the key has; the rest of the angle is the row's.
    IndexSet angleIndices = derive::indicesOf(function->getOperand(0), match.weights);
    for (Value index : angleIndices) {
      column = index;
      if (!splitProduct())
        continue;
      builder.setInsertionPoint(function);
      std::optional<Halves> halves = split(function->getOperand(0));
      if (!halves || !halves->left || !halves->right)
        continue;
      match.angle = *halves;
      return assign(factors);
    }
    return false;
  }

  Turned match;

private:
  bool dependsOnColumn(Value value) { return derive::indicesOf(value, match.weights).contains(column); }
  bool dependsOnRow(Value value) {
    return llvm::any_of(derive::indicesOf(value, match.weights), [&](Value index) { return rows.contains(index); });
  }
  bool isShared(Value value) { return !dependsOnColumn(value) && !dependsOnRow(value); }

  bool isProduct(Value factor) {
    auto read = factor.getDefiningOp<tensor::ExtractOp>();
    match.dots = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
    match.sum = match.dots ? derive::rootReduce(match.dots) : ReduceOp();
    if (!derive::isPlainSum(match.sum) || match.sum.hasDomain())
      return false;
    std::optional<int64_t> size = getConstantIntValue(match.sum.getSizes().front());
    std::optional<SmallVector<Value>> indices = derive::distinctIndices(read);
    if (!size || !indices)
      return false;
    match.size = *size;
    match.names.map(match.dots.getValueBlock()->getArguments(), *indices);
    return true;
  }

  IndexSet namesOf(Value factor) {
    IndexSet result;
    for (Value index : derive::indicesOf(factor, match.dots))
      if (Value name = match.names.lookupOrNull(index))
        result.insert(name);
    return result;
  }

  /// Factors with the column are the key's, the others the query's.
  bool splitProduct() {
    match.query.clear();
    match.key.clear();
    match.queryIndices.clear();
    match.keyIndices.clear();
    SmallVector<Value> factors;
    derive::collectFactors(match.sum.getYielded(), factors);
    for (Value factor : factors) {
      IndexSet names = namesOf(factor);
      bool isKey = names.contains(column);
      (isKey ? match.key : match.query).push_back(factor);
      (isKey ? match.keyIndices : match.queryIndices).insert_range(names);
    }
    rows.clear();
    for (Value index : match.queryIndices)
      if (!match.keyIndices.contains(index))
        rows.insert(index);
    return !match.query.empty() && !match.key.empty() && !rows.empty();
  }

  /// The angle as a sum of two, by the structure of what computes it.
  std::optional<Halves> split(Value value) {
    if (!dependsOnColumn(value))
      return Halves{value, {}};
    if (!dependsOnRow(value))
      return Halves{{}, value};
    Operation *op = value.getDefiningOp();
    if (!op)
      return std::nullopt;
    if (isa<arith::AddFOp, arith::SubFOp>(op)) {
      std::optional<Halves> a = split(op->getOperand(0)), b = split(op->getOperand(1));
      if (!a || !b)
        return std::nullopt;
      return Halves{combine(op, a->left, b->left), combine(op, a->right, b->right)};
    }
    if (isa<arith::SIToFPOp>(op))
      return splitIndex(op);
    // Linear in one operand, by a factor that both sides have.
    unsigned linear = isa<arith::MulFOp>(op) && isShared(op->getOperand(0)) ? 1 : 0;
    if (!isa<arith::NegFOp>(op) && !(isa<arith::MulFOp, arith::DivFOp>(op) && isShared(op->getOperand(1 - linear))))
      return std::nullopt;
    std::optional<Halves> inner = split(op->getOperand(linear));
    if (!inner)
      return std::nullopt;
    auto apply = [&](Value half) {
      IRMapping map;
      map.map(op->getOperand(linear), half);
      return half ? builder.clone(*op, map)->getResult(0) : Value();
    };
    return Halves{apply(inner->left), apply(inner->right)};
  }

  Value combine(Operation *op, Value a, Value b) {
    if (a && b) {
      IRMapping map;
      map.map(op->getOperand(0), a);
      map.map(op->getOperand(1), b);
      // Twice the same operand is twice the same half.
      return builder.clone(*op, map)->getResult(0);
    }
    return !b || !isa<arith::SubFOp>(op) ? (a ? a : b) : arith::NegFOp::create(builder, op->getLoc(), b).getResult();
  }

  /// A linear form of indices, as a float.
  std::optional<Halves> splitIndex(Operation *toFloat) {
    auto cast = toFloat->getOperand(0).getDefiningOp<arith::IndexCastOp>();
    SmallVector<Value> symbols;
    ValueRange arguments = match.weights.getValueBlock()->getArguments();
    AffineExpr form = cast ? derive::affineOf(cast.getIn(), arguments, &symbols) : AffineExpr();
    if (!form)
      return std::nullopt;
    auto simple = [&](AffineExpr expr) { return simplifyAffineExpr(expr, arguments.size(), symbols.size()); };
    AffineExpr j = builder.getAffineDimExpr(mlir::cast<BlockArgument>(column).getArgNumber());
    AffineExpr left = simple(form.replace(j, builder.getAffineConstantExpr(0))), right = simple(form - left);
    AffineExpr slope = simple(right.replace(j, j + 1) - right);
    if (!isa<AffineConstantExpr>(slope) || simple(right - slope * j) != builder.getAffineConstantExpr(0))
      return std::nullopt;
    auto half = [&](AffineExpr expr) -> Value {
      SmallVector<Value> operands(arguments);
      llvm::append_range(operands, symbols);
      // Without the indices that it does not use: it does not depend on them.
      AffineMap map = AffineMap::get(arguments.size(), symbols.size(), expr);
      affine::canonicalizeMapAndOperands(&map, &operands);
      Value index = affine::AffineApplyOp::create(builder, toFloat->getLoc(), map, operands);
      Value integer = arith::IndexCastOp::create(builder, toFloat->getLoc(), cast.getType(), index);
      return arith::SIToFPOp::create(builder, toFloat->getLoc(), toFloat->getResult(0).getType(), integer);
    };
    return Halves{half(left), half(right)};
  }

  bool assign(ArrayRef<Value> factors) {
    for (Value factor : factors) {
      bool ofColumn = dependsOnColumn(factor);
      if (ofColumn && dependsOnRow(factor))
        return false;
      (ofColumn ? match.columnFactors : match.rowFactors).push_back(factor);
    }
    auto collect = [&](ArrayRef<Value> values, IndexSet &into) {
      for (Value value : values)
        into.insert_range(derive::indicesOf(value, match.weights));
    };
    collect(match.rowFactors, match.queryIndices);
    collect(match.angle.left, match.queryIndices);
    collect(match.columnFactors, match.keyIndices);
    collect(match.angle.right, match.keyIndices);
    return true;
  }

  OpBuilder builder;
  Value column;
  IndexSet rows;
};

class Rewriter {
public:
  Rewriter(Turned &match, DefineOp original)
      : match(match), original(original), builder(original), location(original.getLoc()), f32(builder.getF32Type()) {}

  void run() {
    Value queries = side(match.query, match.rowFactors, match.queryIndices, match.angle.left, /*isRow=*/true);
    Value keys = side(match.key, match.columnFactors, match.keyIndices, match.angle.right, /*isRow=*/false);
    Value size = arith::ConstantIndexOp::create(builder, location, 2 * match.size);
    auto arguments = match.weights.getValueBlock()->getArguments();
    auto value = [&](OpBuilder &outer, Location, ValueRange indices) -> Value {
      IRMapping map;
      map.map(arguments, indices);
      return ReduceOp::create(outer, location, f32, ReduceKind::Sum, size, nullptr,
                              [&](OpBuilder &body, Location, ValueRange over) -> Value {
                                auto element = [&](Value from, IndexSet const &indices) -> Value {
                                  SmallVector<Value> at;
                                  for (Value axis : ordered(indices))
                                    at.push_back(map.lookup(axis));
                                  at.push_back(over[0]);
                                  return tensor::ExtractOp::create(body, location, from, at);
                                };
                                Value query = element(queries, match.queryIndices), key = element(keys, match.keyIndices);
                                return arith::MulFOp::create(body, location, query, key);
                              });
    };
    auto inside = [&](OpBuilder &body, Location, ValueRange indices) -> Value {
      IRMapping map;
      map.map(match.weights.getDomainBlock()->getArguments(), indices);
      return derive::cloneSlice(body, match.weights.getCondition(), match.weights, map);
    };
    BodyBuilder domain = nullptr;
    if (match.weights.hasDomain())
      domain = inside;
    DefineOp joined = derive::makeDefine(builder, location, f32, original.getMixedSizes(), domain, value);
    original.replaceAllUsesWith(joined.getResult());
  }

private:
  SmallVector<Value> ordered(IndexSet const &indices) {
    SmallVector<Value> result;
    for (BlockArgument argument : match.weights.getValueBlock()->getArguments())
      if (indices.contains(argument))
        result.push_back(argument);
    return result;
  }

  SmallVector<OpFoldResult> sizesOf(ArrayRef<Value> axes) {
    SmallVector<OpFoldResult> sizes = original.getMixedSizes(), result;
    for (Value axis : axes)
      result.push_back(sizes[cast<BlockArgument>(axis).getArgNumber()]);
    return result;
  }

  /// The cosine or sine of half an angle, for each of its indices.
  DefineOp turn(Value angle, bool sine, bool negative) {
    SmallVector<Value> axes = ordered(derive::indicesOf(angle, match.weights));
    return derive::makeDefine(builder, location, f32, sizesOf(axes), nullptr,
                              [&](OpBuilder &body, Location, ValueRange indices) -> Value {
                                IRMapping map;
                                map.map(axes, indices);
                                Value at = derive::cloneSlice(body, angle, match.weights, map);
                                Value result = sine ? math::SinOp::create(body, location, at).getResult()
                                                    : math::CosOp::create(body, location, at).getResult();
                                return negative ? arith::NegFOp::create(body, location, result).getResult() : result;
                              });
  }

  /// cos(a + b) = cos a cos b + (-sin a) sin b, sin(a + b) = sin a cos b + cos a sin b: the elements of one side, once for each term.
  DefineOp side(ArrayRef<Value> ofDots, ArrayRef<Value> ofWeights, IndexSet const &indices, Value angle, bool isRow) {
    DefineOp first = turn(angle, isRow && match.sine, false), second = turn(angle, !isRow || !match.sine, isRow && !match.sine);
    SmallVector<Value> axes = ordered(indices), turned = ordered(derive::indicesOf(angle, match.weights));
    SmallVector<OpFoldResult> sizes = sizesOf(axes);
    sizes.push_back(builder.getIndexAttr(2 * match.size));
    return derive::makeDefine(
        builder, location, f32, sizes, nullptr, [&](OpBuilder &body, Location, ValueRange at) -> Value {
          IRMapping map, inner;
          map.map(axes, at.drop_back());
          Value end = arith::ConstantIndexOp::create(body, location, match.size);
          Value isFirst = arith::CmpIOp::create(body, location, arith::CmpIPredicate::slt, at.back(), end);
          Value shifted = arith::SubIOp::create(body, location, at.back(), end);
          Value position = arith::SelectOp::create(body, location, isFirst, at.back(), shifted);
          for (BlockArgument argument : match.dots.getValueBlock()->getArguments())
            if (Value here = map.lookupOrNull(match.names.lookup<Value>(argument)))
              inner.map(argument, here);
          inner.map(match.sum.getValueBlock()->getArgument(0), position);
          SmallVector<Value> where = llvm::map_to_vector(turned, [&](Value axis) { return map.lookup(axis); });
          Value low = tensor::ExtractOp::create(body, location, first, where),
                high = tensor::ExtractOp::create(body, location, second, where);
          Value all = arith::SelectOp::create(body, location, isFirst, low, high);
          for (Value factor : ofDots)
            all = arith::MulFOp::create(body, location, derive::cloneSlice(body, factor, match.dots, inner), all);
          for (Value factor : ofWeights)
            all = arith::MulFOp::create(body, location, derive::cloneSlice(body, factor, match.weights, map), all);
          return all;
        });
  }

  Turned &match;
  DefineOp original;
  OpBuilder builder;
  Location location;
  Type f32;
};

struct SplitAngles : impl::SplitAnglesBase<SplitAngles> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    bool changed = false;
    for (DefineOp define : defines) {
      if (derive::containsReduce(define) || !define.getType().getElementType().isF32() || !isSummed(define))
        continue;
      auto copy = cast<DefineOp>(OpBuilder(define).clone(*define));
      derive::inlineReads(copy.getValue(), copy, [](DefineOp, IndexSet const &indices) { return indices.size() > 1; });
      Matcher matcher(copy);
      bool matches = matcher.run();
      if (matches) {
        Rewriter(matcher.match, define).run();
        remark::passed(define.getLoc(), remark::RemarkOpts::name("SplitAngles").category("derive"))
            << "the angle between a row and a column turns each of them: one product of " << std::to_string(2 * matcher.match.size)
            << " elements";
        changed = true;
      }
      copy.erase();
    }
    if (changed)
      derive::eraseUnused(getOperation());
  }

  /// Whether sums are all that reads it: only they gain from a product.
  static bool isSummed(DefineOp define) {
    return !define->use_empty() && llvm::all_of(define->getUsers(), [](Operation *user) {
      auto sum = user->getParentOfType<ReduceOp>();
      auto owner = sum ? sum->getParentOfType<DefineOp>() : DefineOp();
      return owner && isa<tensor::ExtractOp>(user) && derive::rootReduce(owner) == sum && derive::isPlainSum(sum);
    });
  }
};

} // namespace
} // namespace heed
