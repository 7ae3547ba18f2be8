// JoinProducts.cpp - joins the inner axes of two sums of products that a score adds.
#include "compiler/derive/JoinProducts.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {
namespace {

/// A read of a sum of products by distinct indices of the weights.
struct Product {
  DefineOp dots;
  ReduceOp sum;
  int64_t size = 0;
  SmallVector<Value> query, key; ///< factors
  IRMapping names;               ///< from the indices of `dots` to those of the weights

  /// The indices of the weights that some factors depend on.
  IndexSet indicesOf(ArrayRef<Value> factors) const {
    IndexSet result;
    for (Value factor : factors)
      for (Value index : derive::indicesOf(factor, dots))
        if (Value name = names.lookupOrNull(index))
          result.insert(name);
    return result;
  }
};

std::optional<Product> productOf(Value value, Value column) {
  auto read = value.getDefiningOp<tensor::ExtractOp>();
  Product product;
  product.dots = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
  product.sum = product.dots ? rootReduce(product.dots) : ReduceOp();
  if (!product.sum || product.sum.getKind() != ReduceKind::Sum || product.sum.getSizes().size() != 1 ||
      product.sum.hasDomain() || !product.sum.getType().isF32())
    return std::nullopt;
  std::optional<int64_t> size = getConstantIntValue(product.sum.getSizes().front());
  if (!size)
    return std::nullopt;
  product.size = *size;
  IndexSet distinct;
  for (auto [argument, subscript] : llvm::zip_equal(product.dots.getValueBlock()->getArguments(), read.getIndices())) {
    if (!isa<BlockArgument>(subscript) || !distinct.insert(subscript))
      return std::nullopt;
    product.names.map(argument, subscript);
  }
  SmallVector<Value> factors;
  collectFactors(product.sum.getYielded(), factors);
  for (Value factor : factors)
    (product.indicesOf(factor).contains(column) ? product.key : product.query).push_back(factor);
  if (product.query.empty() || product.key.empty())
    return std::nullopt;
  return product;
}

class Joiner {
public:
  Joiner(Weights weights, Value column) : weights(weights), column(column) {}

  bool run(arith::AddFOp add) {
    std::optional<Product> left = productOf(add.getLhs(), column), right = productOf(add.getRhs(), column);
    if (!left || !right || left->dots == right->dots)
      return false;
    IndexSet query = left->indicesOf(left->query), key = left->indicesOf(left->key);
    query.insert_range(right->indicesOf(right->query));
    key.insert_range(right->indicesOf(right->key));
    // Some index must be the queries' alone: it is the row.
    if (llvm::all_of(query, [&](Value index) { return key.contains(index); }))
      return false;
    OpBuilder builder(weights.getOperation());
    Location location = add.getLoc();
    int64_t size = left->size + right->size;
    IndexSet all = query;
    all.insert_range(key);
    SmallVector<Value> axes = ordered(all);
    DefineOp queries = side(builder, location, ordered(query), *left, left->query, *right, right->query);
    DefineOp keys = side(builder, location, ordered(key), *left, left->key, *right, right->key);
    auto dots = [&](OpBuilder &outer, Location, ValueRange indices) -> Value {
      IRMapping map;
      map.map(axes, indices);
      Value sizeValue = arith::ConstantIndexOp::create(outer, location, size);
      return ReduceOp::create(
          outer, location, outer.getF32Type(), ReduceKind::Sum, sizeValue, nullptr,
          [&](OpBuilder &inner, Location, ValueRange argument) -> Value {
            auto element = [&](DefineOp from, IndexSet const &indices) -> Value {
              SmallVector<Value> at = llvm::map_to_vector(ordered(indices), [&](Value axis) { return map.lookup(axis); });
              at.push_back(argument.front());
              return tensor::ExtractOp::create(inner, location, from, at);
            };
            return arith::MulFOp::create(inner, location, element(queries, query), element(keys, key));
          });
    };
    DefineOp joined = makeDefine(builder, location, builder.getF32Type(), sizesOf(axes), nullptr, dots);
    remark::passed(location, remark::RemarkOpts::name("JoinProducts").category("derive"))
        << "one product of " << std::to_string(left->size) << " + " << std::to_string(right->size) << " elements";
    OpBuilder inside(add);
    Value read = tensor::ExtractOp::create(inside, location, joined, axes);
    add.replaceAllUsesWith(read);
    add.erase();
    eraseUnused(weights.getOperation());
    for (DefineOp dots : {left->dots, right->dots})
      if (dots->use_empty())
        dots.erase();
    return true;
  }

private:
  /// In the order of the weights.
  static SmallVector<Value> ordered(IndexSet const &indices) {
    SmallVector<Value> result(indices.begin(), indices.end());
    llvm::sort(result, [](Value a, Value b) { return cast<BlockArgument>(a).getArgNumber() < cast<BlockArgument>(b).getArgNumber(); });
    return result;
  }
  SmallVector<OpFoldResult> sizesOf(ArrayRef<Value> axes) {
    SmallVector<OpFoldResult> sizes = weights.getMixedSizes(), result;
    for (Value axis : axes)
      result.push_back(sizes[cast<BlockArgument>(axis).getArgNumber()]);
    return result;
  }

  /// The factors of one side of both products, one behind the other.
  DefineOp side(OpBuilder &builder, Location location, ArrayRef<Value> axes, Product const &first,
                ArrayRef<Value> firstFactors, Product const &second, ArrayRef<Value> secondFactors) {
    SmallVector<OpFoldResult> sizes = sizesOf(axes);
    sizes.push_back(builder.getIndexAttr(first.size + second.size));
    return makeDefine(
        builder, location, builder.getF32Type(), sizes, nullptr,
        [&](OpBuilder &inner, Location where, ValueRange indices) -> Value {
          auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(inner, where, value); };
          auto product = [&](Product const &of, ArrayRef<Value> factors, Value position) {
            IRMapping map;
            for (auto [axis, index] : llvm::zip(axes, indices))
              for (BlockArgument argument : DefineOp(of.dots).getValueBlock()->getArguments())
                if (of.names.lookup<Value>(argument) == axis)
                  map.map(argument, index);
            map.map(ReduceOp(of.sum).getValueBlock()->getArgument(0), position);
            Value all;
            for (Value factor : factors) {
              Value one = cloneSlice(inner, factor, of.dots, map);
              all = all ? arith::MulFOp::create(inner, where, all, one).getResult() : one;
            }
            return all;
          };
          // Both are computed, so both must stay inside their axes.
          Value at = indices.back(), end = constant(first.size);
          Value isFirst = arith::CmpIOp::create(inner, where, arith::CmpIPredicate::slt, at, end);
          Value low = arith::MinSIOp::create(inner, where, at, constant(first.size - 1));
          Value shifted = arith::SubIOp::create(inner, where, at, end);
          Value high = arith::MaxSIOp::create(inner, where, shifted, constant(0));
          return arith::SelectOp::create(inner, where, isFirst, product(first, firstFactors, low),
                                         product(second, secondFactors, high));
        });
  }

  Weights weights;
  Value column;
};

} // namespace

void joinProducts(Weights weights) {
  SoftmaxOp softmax = weights.getSoftmax();
  if (!softmax)
    return;
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<arith::AddFOp> sums;
    softmax.getValue().walk([&](arith::AddFOp add) { sums.push_back(add); });
    for (arith::AddFOp add : sums)
      if (Joiner(weights, softmax.getValue().getArgument(softmax.getAxis())).run(add)) {
        changed = true;
        break;
      }
  }
}

} // namespace heed::derive
