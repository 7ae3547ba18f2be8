// Tiles.cpp - evaluates what the sizes and domains of attentions are computed from.
#include "compiler/pipeline/Tiles.h"

#include "compiler/lower/Model.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace heed {
namespace {

constexpr int64_t SampleSize = 4096;

StringRef nameIn(DictionaryAttr program, StringRef kind, unsigned index) {
  return cast<DictionaryAttr>(program.getAs<ArrayAttr>(kind)[index]).getAs<StringAttr>("name").getValue();
}

class Evaluator {
public:
  Evaluator(Model model, NamedSizes const &sizes) : model(model), sizes(sizes) {}

  std::string missing; ///< the first value that was asked for and is not known

  std::optional<int64_t> operator()(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return constant.getSExtValue();
    if (auto argument = dyn_cast<BlockArgument>(value))
      return ofArgument(argument);
    Operation *op = value.getDefiningOp();
    return TypeSwitch<Operation *, std::optional<int64_t>>(op)
        .Case([&](tensor::ExtractOp read) { return ofInput(read); })
        .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp>(
            [&](Operation *cast) { return (*this)(cast->getOperand(0)); })
        .Case([&](affine::AffineApplyOp apply) -> std::optional<int64_t> {
          SmallVector<int64_t> operands;
          for (Value operand : apply.getMapOperands())
            if (std::optional<int64_t> one = (*this)(operand))
              operands.push_back(*one);
          if (operands.size() != apply.getMapOperands().size())
            return std::nullopt;
          auto all = ArrayRef(operands);
          unsigned dims = apply.getAffineMap().getNumDims();
          return domain::evaluate(apply.getAffineMap().getResult(0), all.take_front(dims), all.drop_front(dims));
        })
        .Default([&](Operation *) { return ofArithmetic(op); });
  }

private:
  std::optional<int64_t> unknown(StringRef what) {
    if (missing.empty())
      missing = what.str();
    return std::nullopt;
  }

  std::optional<int64_t> given(StringRef name) {
    auto found = sizes.find(name.str());
    return found == sizes.end() ? std::nullopt : std::optional(found->second);
  }

  std::optional<int64_t> ofArgument(BlockArgument argument) {
    // A head, a layer: the first stands for all.
    if (argument.getOwner() != &model.function.front())
      return argument.getType().isIndex() ? std::optional<int64_t>(0) : unknown("a value computed in a loop");
    unsigned number = argument.getArgNumber();
    if (number >= model.dimCount())
      return unknown("a tensor");
    StringRef name = nameIn(model.program, "dims", number);
    if (std::optional<int64_t> value = given(name))
      return value;
    return std::min(model.maximumOf(number).value_or(SampleSize), SampleSize);
  }

  std::optional<int64_t> ofInput(tensor::ExtractOp read) {
    auto argument = dyn_cast<BlockArgument>(read.getTensor());
    if (!argument || argument.getOwner() != &model.function.front() || !read.getIndices().empty())
      return unknown("an element of a tensor");
    unsigned number = argument.getArgNumber() - model.dimCount();
    if (number >= model.inputCount())
      return unknown("a parameter");
    StringRef name = nameIn(model.program, "inputs", number);
    std::optional<int64_t> value = given(name);
    return value ? value : unknown(("'" + name + "'").str());
  }

  std::optional<int64_t> ofArithmetic(Operation *op) {
    if (op->getNumOperands() != 2 || op->getNumResults() != 1)
      return unknown("the result of " + op->getName().getStringRef().str());
    std::optional<int64_t> a = (*this)(op->getOperand(0)), b = (*this)(op->getOperand(1));
    if (!a || !b)
      return std::nullopt;
    bool divides = isa<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp, arith::CeilDivSIOp, arith::RemSIOp,
                       arith::RemUIOp>(op);
    if (divides && *b == 0)
      return unknown("a quotient by 0");
    return TypeSwitch<Operation *, std::optional<int64_t>>(op)
        .Case([&](arith::AddIOp) { return *a + *b; })
        .Case([&](arith::SubIOp) { return *a - *b; })
        .Case([&](arith::MulIOp) { return *a * *b; })
        .Case([&](arith::MaxSIOp) { return std::max(*a, *b); })
        .Case([&](arith::MinSIOp) { return std::min(*a, *b); })
        .Case([&](arith::FloorDivSIOp) { return llvm::divideFloorSigned(*a, *b); })
        .Case([&](arith::CeilDivSIOp) { return llvm::divideCeilSigned(*a, *b); })
        .Case<arith::DivSIOp, arith::DivUIOp>([&](auto) { return *a / *b; })
        .Case<arith::RemSIOp, arith::RemUIOp>([&](auto) { return *a % *b; })
        .Default([&](Operation *) { return unknown("the result of " + op->getName().getStringRef().str()); });
  }

  Model model;
  NamedSizes const &sizes;
};

} // namespace

std::vector<AttentionTiles> tilesOf(ModuleOp derived, TargetOptions const &target, NamedSizes const &sizes) {
  std::vector<AttentionTiles> result;
  std::optional<Model> model = Model::find(derived);
  if (!model)
    return result;
  KernelTarget machine;
  machine.vectorBits = target.vectorBits;
  machine.fma = target.fma;
  model->function.walk([&](ir::AttentionOp op) {
    Evaluator values(*model, sizes);
    std::optional<kernels::Visits> visits = kernels::visitsOf(op, machine, [&](Value value) { return values(value); });
    result.push_back({op.getLoc(), values.missing, std::move(visits)});
  });
  return result;
}

std::vector<std::string> sizeNames(ModuleOp module) {
  std::vector<std::string> result;
  std::optional<Model> model = Model::find(module);
  if (!model)
    return result;
  for (unsigned dim = 0; dim < model->dimCount(); ++dim)
    result.push_back(nameIn(model->program, "dims", dim).str());
  for (unsigned input = 0; input < model->inputCount(); ++input)
    if (AffineMap shape = model->shapeOf("inputs", input); shape && shape.getNumResults() == 0)
      result.push_back(nameIn(model->program, "inputs", input).str());
  return result;
}

} // namespace heed
