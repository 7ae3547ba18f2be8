// DefineToLinalg.cpp - definitions to linalg.generic.
#include "compiler/derive/LinalgOperands.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_DEFINETOLINALG
#include "compiler/derive/Passes.h.inc"

namespace {

/// `combined` = what a reduction has so far and `element`.
Value combine(OpBuilder &builder, Location location, ReduceKind kind, Value combined, Value element) {
  bool real = isa<FloatType>(element.getType());
  switch (kind) {
  case ReduceKind::Sum:
    return real ? arith::AddFOp::create(builder, location, combined, element).getResult()
                : arith::AddIOp::create(builder, location, combined, element).getResult();
  case ReduceKind::Product:
    return real ? arith::MulFOp::create(builder, location, combined, element).getResult()
                : arith::MulIOp::create(builder, location, combined, element).getResult();
  case ReduceKind::Max:
    return real ? arith::MaximumFOp::create(builder, location, combined, element).getResult()
                : arith::MaxSIOp::create(builder, location, combined, element).getResult();
  case ReduceKind::Min:
    return real ? arith::MinimumFOp::create(builder, location, combined, element).getResult()
                : arith::MinSIOp::create(builder, location, combined, element).getResult();
  case ReduceKind::Any:
    return arith::OrIOp::create(builder, location, combined, element);
  case ReduceKind::All:
    return arith::AndIOp::create(builder, location, combined, element);
  case ReduceKind::ArgMax:
  case ReduceKind::ArgMin:
    break;
  }
  llvm_unreachable("positions are not combined element by element");
}

/// Lowers one definition: collects operands, makes the generic, and fills its body.
class Lowering {
public:
  Lowering(DefineOp define)
      : define(define), reduce(derive::rootReduce(define)), builder(define), location(define.getLoc()),
        outRank(define.getType().getRank()), sizes(define.getMixedSizes()) {
    llvm::append_range(dims, define.getValueBlock()->getArguments());
    if (!reduce)
      return;
    for (auto [argument, size] : llvm::zip_equal(reduce.getValueBlock()->getArguments(), reduce.getSizes())) {
      dims.push_back(argument);
      sizes.push_back(getAsOpFoldResult(size));
    }
  }

  Value run() {
    collectOperands();
    bool position = reduce && (reduce.getKind() == ReduceKind::ArgMax || reduce.getKind() == ReduceKind::ArgMin);
    if (position)
      return lowerPosition();
    Value init = empty(define.getType().getElementType());
    if (reduce)
      init = fill(init, reduce.getNeutral());
    return makeGeneric({init},
                       [&](OpBuilder &body, ValueRange outputs, IRMapping &map) -> SmallVector<Value> {
                         if (!reduce)
                           return {derive::cloneSlice(body, define.getYielded(), define, map)};
                         Value element = derive::cloneSlice(body, reduce.getYielded(), define, map);
                         if (Value inside = condition(body, map)) {
                           Value neutral = arith::ConstantOp::create(body, location, reduce.getNeutral());
                           element = arith::SelectOp::create(body, location, inside, element, neutral);
                         }
                         return {combine(body, location, reduce.getKind(), outputs.front(), element)};
                       })
        .front();
  }

private:
  using Body = llvm::function_ref<SmallVector<Value>(OpBuilder &, ValueRange, IRMapping &)>;

  Value empty(Type element) {
    return tensor::EmptyOp::create(builder, location, ArrayRef(sizes).take_front(outRank), element);
  }
  Value fill(Value init, TypedAttr value) {
    Value constant = arith::ConstantOp::create(builder, location, value);
    return linalg::FillOp::create(builder, location, constant, init).getResult(0);
  }

  /// Reads in the value, and in the domain of the reduction, that become operands. The domain of the definition itself
  /// only says where nobody reads the result.
  void collectOperands() {
    auto visit = [&](Region &region, ValueRange indices) {
      region.walk([&](tensor::ExtractOp read) {
        // A read under a condition stays there: an operand would be read without it.
        if (!isa<DefineOp, ReduceOp>(read->getParentOp()))
          return;
        if (std::optional<derive::LinalgOperand> operand = derive::operandOf(builder, read, indices, sizes)) {
          reads.push_back(read);
          for (auto [position, known] : llvm::enumerate(operands))
            if (known.tensor == operand->tensor && known.map == operand->map) {
              operandOf.push_back(position);
              return;
            }
          operandOf.push_back(operands.size());
          operands.push_back(*operand);
        }
      });
    };
    visit(define.getValue(), dims);
    if (!reduce || reduce.getDomain().empty())
      return;
    // The domain has its own arguments for the same loops.
    SmallVector<Value> inDomain(dims.begin(), dims.begin() + outRank);
    llvm::append_range(inDomain, reduce.getDomainBlock()->getArguments());
    for (tensor::ExtractOp read : reduce.getDomain().getOps<tensor::ExtractOp>()) {
      if (std::optional<derive::LinalgOperand> operand = derive::operandOf(builder, read, inDomain, sizes)) {
        reads.push_back(read);
        operandOf.push_back(operands.size());
        operands.push_back(*operand);
      }
    }
  }

  Value condition(OpBuilder &body, IRMapping &map) {
    if (!reduce.hasDomain())
      return {};
    for (auto [inDomain, inValue] :
         llvm::zip_equal(reduce.getDomainBlock()->getArguments(), reduce.getValueBlock()->getArguments()))
      map.map(inDomain, map.lookup(inValue));
    return derive::cloneSlice(body, reduce.getCondition(), define, map);
  }

  SmallVector<Value> makeGeneric(ArrayRef<Value> inits, Body body) {
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    llvm::SmallBitVector covered(dims.size());
    for (derive::LinalgOperand const &operand : operands) {
      inputs.push_back(operand.tensor);
      maps.push_back(operand.map);
      for (unsigned dim = 0; dim < dims.size(); ++dim)
        if (operand.map.isFunctionOfDim(dim))
          covered.set(dim);
    }
    // linalg takes the range of a loop from an operand; a loop that only counts needs one that gives its size.
    for (unsigned dim = outRank; dim < dims.size(); ++dim) {
      if (covered.test(dim))
        continue;
      inputs.push_back(
          tensor::EmptyOp::create(builder, location, ArrayRef<OpFoldResult>(sizes[dim]), builder.getI1Type()));
      maps.push_back(AffineMap::get(dims.size(), 0, builder.getAffineDimExpr(dim)));
    }
    SmallVector<utils::IteratorType> iterators(outRank, utils::IteratorType::parallel);
    iterators.resize(dims.size(), utils::IteratorType::reduction);
    SmallVector<AffineExpr> axes;
    for (unsigned dim = 0; dim < outRank; ++dim)
      axes.push_back(builder.getAffineDimExpr(dim));
    AffineMap output = AffineMap::get(dims.size(), 0, axes, builder.getContext());
    SmallVector<Type> types;
    for (Value init : inits) {
      maps.push_back(output);
      types.push_back(init.getType());
    }
    auto generic = linalg::GenericOp::create(builder, location, types, inputs, inits, maps, iterators,
                                             [&](OpBuilder &inner, Location where, ValueRange arguments) {
                                               IRMapping map;
                                               for (auto [read, position] : llvm::zip_equal(reads, operandOf))
                                                 map.map(read.getResult(), arguments[position]);
                                               for (auto [dim, index] : llvm::enumerate(dims))
                                                 map.map(index, linalg::IndexOp::create(inner, where, dim).getResult());
                                               linalg::YieldOp::create(
                                                   inner, where, body(inner, arguments.take_back(inits.size()), map));
                                             });
    derive::eraseUnused(generic);
    return SmallVector<Value>(generic.getResults());
  }

  /// The first position of the best element: the best so far and its position, -1 before any.
  Value lowerPosition() {
    Type element = reduce.getYielded().getType(), index = builder.getIndexType();
    bool real = isa<FloatType>(element), max = reduce.getKind() == ReduceKind::ArgMax;
    Value best = fill(empty(element), builder.getZeroAttr(element));
    Value place = fill(empty(index), builder.getIndexAttr(-1));
    SmallVector<Value> found =
        makeGeneric({best, place}, [&](OpBuilder &body, ValueRange so, IRMapping &map) -> SmallVector<Value> {
          Value value = derive::cloneSlice(body, reduce.getYielded(), define, map);
          Value wins =
              real ? arith::CmpFOp::create(body, location, max ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT,
                                           value, so[0])
                         .getResult()
                   : arith::CmpIOp::create(body, location, max ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::slt,
                                           value, so[0])
                         .getResult();
          Value none = arith::ConstantOp::create(body, location, builder.getIndexAttr(-1));
          Value first = arith::CmpIOp::create(body, location, arith::CmpIPredicate::eq, so[1], none);
          Value takes = arith::OrIOp::create(body, location, wins, first);
          if (Value inside = condition(body, map))
            takes = arith::AndIOp::create(body, location, takes, inside);
          Value here = map.lookup(dims.back());
          return {arith::SelectOp::create(body, location, takes, value, so[0]),
                  arith::SelectOp::create(body, location, takes, here, so[1])};
        });
    // Over no element the position is 0.
    AffineMap identity = AffineMap::getMultiDimIdentityMap(outRank, builder.getContext());
    SmallVector<utils::IteratorType> iterators(outRank, utils::IteratorType::parallel);
    Value init = empty(index);
    return linalg::GenericOp::create(builder, location, init.getType(), found[1], init,
                                     ArrayRef<AffineMap>{identity, identity}, iterators,
                                     [&](OpBuilder &body, Location where, ValueRange arguments) {
                                       Value zero = arith::ConstantIndexOp::create(body, where, 0);
                                       Value safe = arith::MaxSIOp::create(body, where, arguments[0], zero);
                                       linalg::YieldOp::create(body, where, safe);
                                     })
        .getResult(0);
  }

  DefineOp define;
  ReduceOp reduce;
  OpBuilder builder;
  Location location;
  unsigned outRank;
  SmallVector<Value> dims;         // indices of the result, then those of the reduction
  SmallVector<OpFoldResult> sizes; // of dims
  SmallVector<derive::LinalgOperand> operands;
  SmallVector<tensor::ExtractOp> reads; // that became operands
  SmallVector<unsigned> operandOf;      // by read
};

/// Moves what no index varies in front of the definition, so that subscripts computed from it can become views. A read
/// may only move if it is in bounds even when the definition has no elements at all.
void hoistInvariants(DefineOp define) {
  bool runs = define.getType().hasStaticShape() && !llvm::is_contained(define.getType().getShape(), 0);
  auto hoist = [&](Region &region, bool runs) {
    for (Operation &op : llvm::make_early_inc_range(region.front().without_terminator())) {
      bool outside = op.getNumRegions() == 0 && isPure(&op) && llvm::all_of(op.getOperands(), [&](Value operand) {
                       return !define->isAncestor(operand.getParentRegion()->getParentOp());
                     });
      auto read = dyn_cast<tensor::ExtractOp>(op);
      if (outside && (!read || runs || cast<RankedTensorType>(read.getTensor().getType()).hasStaticShape()))
        op.moveBefore(define);
    }
  };
  define.walk([&](ReduceOp reduce) {
    bool reads = runs && llvm::all_of(reduce.getSizes(), [](Value size) {
                   return getConstantIntValue(size).value_or(0) > 0;
                 });
    hoist(reduce.getValue(), reads);
    if (reduce.hasDomain())
      hoist(reduce.getDomain(), reads);
  });
  hoist(define.getValue(), runs);
}

struct DefineToLinalg : impl::DefineToLinalgBase<DefineToLinalg> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines) {
      if (!derive::rootReduce(define) && derive::containsReduce(define)) {
        define.emitOpError() << "expected reductions to be separated";
        return signalPassFailure();
      }
      hoistInvariants(define);
      define.replaceAllUsesWith(Lowering(define).run());
      define.erase();
    }
  }
};

} // namespace
} // namespace heed
