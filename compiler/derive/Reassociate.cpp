// Reassociate.cpp - sums over products of queries and keys, in the order that costs less.
#include "compiler/derive/LinalgOperands.h"
#include "compiler/derive/Regions.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_REASSOCIATE
#include "compiler/derive/Passes.h.inc"

namespace {

/// out[i, e] = sum_j weight[i, j] * rest[j, e] with weight[i, j] = sum_c query[i, c] * key[j, c]; every index named by the
/// argument of `out`, of its sum (`column`) or of the weights' sum (`inner`) that it is.
struct Chain {
  DefineOp out, weights;
  ReduceOp sum, inner;
  SmallVector<Value> axes;       // by axis of the weights
  SmallVector<Value> rest;       // factors inside `out`
  SmallVector<Value> query, key; // factors inside `weights`
  SmallVector<Value> kept;       // arguments of `out` that the state has, besides `inner`
};

class Matcher {
public:
  explicit Matcher(DefineOp out, std::string &reason) : reason(reason) { chain.out = out; }

  std::optional<Chain> run() {
    chain.sum = derive::rootReduce(chain.out);
    if (!derive::isPlainSum(chain.sum) || !findWeights())
      return std::nullopt;
    if (chain.sum.hasDomain() || chain.inner.hasDomain()) {
      reason = "the sum over keys depends on the query through its domain";
      return std::nullopt;
    }
    if (!assign() || !isCheaper())
      return std::nullopt;
    return chain;
  }

private:
  bool findWeights() {
    SmallVector<Value> factors;
    derive::collectFactors(chain.sum.getYielded(), factors);
    column = chain.sum.getValueBlock()->getArgument(0);
    for (Value factor : factors) {
      auto read = factor.getDefiningOp<tensor::ExtractOp>();
      auto producer = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
      ReduceOp inner = producer && !chain.weights ? derive::rootReduce(producer) : ReduceOp();
      if (derive::isPlainSum(inner) && llvm::is_contained(read.getIndices(), column) && takeAxes(read)) {
        chain.weights = producer;
        chain.inner = inner;
      } else {
        chain.rest.push_back(factor);
      }
    }
    return static_cast<bool>(chain.weights);
  }

  bool takeAxes(tensor::ExtractOp read) {
    std::optional<SmallVector<Value>> axes = derive::distinctIndices(read);
    if (axes)
      chain.axes = *axes;
    return axes.has_value();
  }

  /// An index inside the weights under the name that `out` has for it.
  Value nameOf(Value index) {
    auto argument = cast<BlockArgument>(index);
    return argument.getOwner() == chain.weights.getValueBlock() ? chain.axes[argument.getArgNumber()] : index;
  }

  bool assign() {
    SmallVector<Value> factors;
    derive::collectFactors(chain.inner.getYielded(), factors);
    derive::IndexSet ofKey;
    for (Value factor : factors) {
      derive::IndexSet names;
      for (Value index : derive::indicesOf(factor, chain.weights))
        names.insert(nameOf(index));
      bool key = names.contains(column);
      (key ? chain.key : chain.query).push_back(factor);
      if (key)
        ofKey.insert(names.begin(), names.end());
    }
    if (chain.query.empty() || chain.key.empty())
      return false;
    for (Value factor : chain.rest)
      for (Value index : derive::indicesOf(factor, chain.out))
        ofKey.insert(index);
    bool hasRow = false;
    for (Value axis : chain.axes)
      hasRow |= axis != column && !ofKey.contains(axis);
    for (BlockArgument index : chain.out.getValueBlock()->getArguments())
      if (ofKey.contains(index))
        chain.kept.push_back(index);
    return hasRow;
  }

  /// (n + m) d e against n m (d + e), in the limit for a size that only the run gives: it pays where d and e are known and n or m
  /// may be larger than both.
  bool isCheaper() {
    std::optional<int64_t> inner = getConstantIntValue(chain.inner.getSizes().front()), features = 1;
    for (Value index : chain.kept) {
      if (llvm::is_contained(chain.axes, index))
        continue;
      std::optional<int64_t> size =
          getConstantIntValue(chain.out.getMixedSizes()[cast<BlockArgument>(index).getArgNumber()]);
      if (!size)
        return false;
      *features *= *size;
    }
    if (!inner)
      return false;
    std::optional<int64_t> keys = getConstantIntValue(chain.sum.getSizes().front()), rows = 1;
    for (Value axis : chain.axes) {
      if (axis == column || llvm::is_contained(chain.kept, axis))
        continue;
      std::optional<int64_t> size =
          getConstantIntValue(chain.out.getMixedSizes()[cast<BlockArgument>(axis).getArgNumber()]);
      rows = rows && size ? std::optional<int64_t>(*rows * *size) : std::nullopt;
    }
    if (!keys && !rows)
      return true;
    if (!keys || !rows)
      return *inner * *features < (keys ? *keys : *rows) * (*inner + *features);
    return (*rows + *keys) * *inner * *features < *rows * *keys * (*inner + *features);
  }

  std::string &reason;
  Chain chain;
  Value column;
};

class Rewriter {
public:
  explicit Rewriter(Chain &chain) : chain(chain), builder(chain.out), location(chain.out.getLoc()) {}

  void run() {
    SmallVector<OpFoldResult> sizes;
    for (Value index : chain.kept)
      sizes.push_back(chain.out.getMixedSizes()[cast<BlockArgument>(index).getArgNumber()]);
    sizes.push_back(getAsOpFoldResult(chain.inner.getSizes().front()));
    Value inner = chain.inner.getValueBlock()->getArgument(0), column = chain.sum.getValueBlock()->getArgument(0);
    Type f32 = builder.getF32Type();

    // state[.., c] = sum_j key[j, c] * rest[j, ..]
    DefineOp state = derive::makeDefine(
        builder, location, f32, sizes, nullptr, [&](OpBuilder &outer, Location, ValueRange indices) -> Value {
          return ReduceOp::create(outer, location, f32, ReduceKind::Sum, chain.sum.getSizes(), nullptr,
                                  [&](OpBuilder &body, Location, ValueRange over) {
                                    IRMapping map;
                                    map.map(chain.kept, indices.drop_back());
                                    map.map(inner, indices.back());
                                    map.map(column, over[0]);
                                    return product(body, map, chain.key, chain.rest);
                                  });
        });
    // out[i, ..] = sum_c query[i, c] * state[.., c]
    DefineOp out = derive::makeDefine(
        builder, location, f32, chain.out.getMixedSizes(), nullptr,
        [&](OpBuilder &outer, Location, ValueRange indices) -> Value {
          return ReduceOp::create(outer, location, f32, ReduceKind::Sum, chain.inner.getSizes(), nullptr,
                                  [&](OpBuilder &body, Location, ValueRange over) {
                                    IRMapping map;
                                    map.map(chain.out.getValueBlock()->getArguments(), indices);
                                    map.map(inner, over[0]);
                                    SmallVector<Value> at;
                                    for (Value index : chain.kept)
                                      at.push_back(map.lookup(index));
                                    at.push_back(over[0]);
                                    Value read = tensor::ExtractOp::create(body, location, state, at);
                                    Value query = product(body, map, chain.query, {});
                                    return arith::MulFOp::create(body, location, query, read).getResult();
                                  });
        });
    remark::passed(location, remark::RemarkOpts::name("Reassociate").category("derive"))
        << "keys and values are summed before they meet a query: linear in the number of queries and keys";
    chain.out.replaceAllUsesWith(out.getResult());
    chain.out.erase();
    if (chain.weights->use_empty())
      chain.weights.erase();
  }

private:
  /// `ofWeights` are factors inside the weights, `ofOut` inside `out`. `map` has the names of `out`.
  Value product(OpBuilder &body, IRMapping map, ArrayRef<Value> ofWeights, ArrayRef<Value> ofOut) {
    for (auto [argument, axis] : llvm::zip_equal(chain.weights.getValueBlock()->getArguments(), chain.axes))
      if (Value here = map.lookupOrNull(axis))
        map.map(argument, here);
    Value all;
    auto multiply = [&](Value factor, Operation *owner) {
      Value one = derive::cloneSlice(body, factor, owner, map);
      all = all ? arith::MulFOp::create(body, location, all, one).getResult() : one;
    };
    for (Value factor : ofWeights)
      multiply(factor, chain.weights);
    for (Value factor : ofOut)
      multiply(factor, chain.out);
    return all;
  }

  Chain &chain;
  OpBuilder builder;
  Location location;
};

struct Reassociate : impl::ReassociateBase<Reassociate> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines) {
      std::string reason;
      if (std::optional<Chain> chain = Matcher(define, reason).run())
        Rewriter(*chain).run();
      else if (!reason.empty())
        remark::missed(define.getLoc(), remark::RemarkOpts::name("Reassociate").category("derive")) << reason;
    }
  }
};

} // namespace
} // namespace heed
