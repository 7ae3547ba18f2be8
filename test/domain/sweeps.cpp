// RUN: heed-domain-test
// sweeps.cpp - the tiles of sweeps against brute force: at every size up to 40, every pair of a domain is visited once, full
// tiles hold nothing else, and where it is said, no visited tile is empty.
#include "compiler/domain/Walk.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/TypeSwitch.h"

#include <fmt/format.h>

#include <cstdlib>
#include <random>
#include <string>

using namespace heed;
using namespace heed::domain;
using namespace mlir;

namespace {

constexpr int64_t LargestSize = 40;

/// A predicate as MLIR: `%s` is a run-time size besides %n queries and %m keys.
std::string moduleOf(std::string const &predicate) {
  return fmt::format(R"(
func.func @f(%n: index, %m: index, %s: index, %v: tensor<?x4xf32>, %o: tensor<?x4xf32>, %b: tensor<?xi1>) -> tensor<?x4xf32> {{
  %d = arith.constant 4 : index
  %r = heed.attention(%n, %m, %d) ins(%v : tensor<?x4xf32>) outs(%o : tensor<?x4xf32>)
      indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, e)>]
      where (%i, %j) {{
        {}
        heed.yield %p : i1
      }} score (%i, %j) {{
        %z = arith.constant 0.0 : f32
        heed.yield %z : f32
      }} -> tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}})",
                     predicate);
}

/// Runs the region for one pair: a list of steps on numbered values.
class Interpreter {
public:
  explicit Interpreter(ir::AttentionOp op) {
    Block &block = op.getDomain().front();
    auto function = op->getParentOfType<func::FuncOp>();
    for (unsigned size = 0; size < 3; ++size)
      number(function.getArgument(size));
    for (BlockArgument index : block.getArguments())
      number(index);
    for (Operation &nested : block.without_terminator()) {
      Step step{&nested, {}, 0, {}};
      for (Value operand : nested.getOperands())
        step.operands.push_back(number(operand));
      step.result = number(nested.getResult(0));
      if (auto apply = dyn_cast<affine::AffineApplyOp>(nested))
        step.map = apply.getAffineMap();
      steps.push_back(std::move(step));
    }
    result = number(block.getTerminator()->getOperand(0));
  }

  void setSizes(int64_t rows, int64_t keys, int64_t size) { values[0] = rows, values[1] = keys, values[2] = size; }

  bool at(int64_t i, int64_t j) {
    values[3] = i, values[4] = j;
    for (Step const &step : steps)
      values[step.result] = run(step);
    return values[result] != 0;
  }

private:
  struct Step {
    Operation *op;
    SmallVector<unsigned> operands;
    unsigned result;
    AffineMap map;
  };

  unsigned number(Value value) {
    auto [found, isNew] = numbers.try_emplace(value, values.size());
    if (isNew) {
      values.push_back(0);
      if (auto constant = value.getDefiningOp<arith::ConstantOp>()) {
        APInt bits = cast<IntegerAttr>(constant.getValue()).getValue();
        values.back() = bits.getBitWidth() == 1 ? bits.getZExtValue() : bits.getSExtValue();
      }
    }
    return found->second;
  }

  int64_t run(Step const &step) {
    auto operand = [&](unsigned position) { return values[step.operands[position]]; };
    return llvm::TypeSwitch<Operation *, int64_t>(step.op)
        .Case([&](affine::AffineApplyOp) {
          SmallVector<int64_t> all = llvm::map_to_vector(step.operands, [&](unsigned of) { return values[of]; });
          unsigned dims = step.map.getNumDims();
          return evaluate(step.map.getResult(0), ArrayRef(all).take_front(dims), ArrayRef(all).drop_front(dims));
        })
        .Case([&](arith::SubIOp) { return operand(0) - operand(1); })
        .Case([&](arith::MaxSIOp) { return std::max(operand(0), operand(1)); })
        .Case([&](arith::MinSIOp) { return std::min(operand(0), operand(1)); })
        .Case([&](arith::AndIOp) { return operand(0) & operand(1); })
        .Case([&](arith::OrIOp) { return operand(0) | operand(1); })
        .Case([&](arith::XOrIOp) { return operand(0) ^ operand(1); })
        .Case([&](arith::CmpIOp compare) {
          return static_cast<int64_t>(arith::applyCmpPredicate(compare.getPredicate(), APInt(64, operand(0), true),
                                                               APInt(64, operand(1), true)));
        })
        .Case([&](arith::ConstantOp) { return values[step.result]; });
  }

  llvm::DenseMap<Value, unsigned> numbers;
  std::vector<int64_t> values;
  std::vector<Step> steps;
  unsigned result;
};

int failures = 0;
void complain(std::string const &predicate, std::string const &what) {
  if (++failures <= 5)
    fmt::print(stderr, "{}\n{}\n", predicate, what);
}

struct Totals {
  int64_t tiles = 0, full = 0, empty = 0;
};

class Check {
public:
  Check(MLIRContext &context, std::string predicate, bool neverEmpty)
      : context(context), predicate(std::move(predicate)), neverEmpty(neverEmpty) {}

  Totals run() {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(moduleOf(predicate), ParserConfig(&context));
    if (!module) {
      complain(predicate, "does not parse");
      return {};
    }
    module->walk([&](ir::AttentionOp op) { check(op); });
    return totals;
  }

private:
  void check(ir::AttentionOp op) {
    PairDomain domain = PairDomain::of(op);
    std::vector<Sweep> sweeps = planSweeps(domain, &context);
    auto function = op->getParentOfType<func::FuncOp>();
    Interpreter interpreter(op);
    for (int64_t rows = 0; rows <= LargestSize; rows += rows < 20 ? 1 : 5)
      for (int64_t keys : {rows, LargestSize - rows / 2}) {
        int64_t size = rows % 7;
        interpreter.setSizes(rows, keys, size);
        SmallVector<int64_t> symbols;
        for (Value symbol : domain.symbols)
          symbols.push_back(symbol == function.getArgument(0) ? rows : symbol == function.getArgument(1) ? keys : size);
        std::vector<std::vector<bool>> allowed(rows, std::vector<bool>(keys));
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < keys; ++j)
            allowed[i][j] = interpreter.at(i, j);
        for (auto [rowBlock, keyBlock] : {std::pair<int64_t, int64_t>{8, 8}, {5, 3}, {1, 4}, {64, 16}})
          compare(sweeps, allowed, {rows, keys, rowBlock, keyBlock, symbols});
      }
  }

  void compare(std::vector<Sweep> const &sweeps, std::vector<std::vector<bool>> const &allowed, WalkSizes const &sizes) {
    std::vector<std::vector<int>> visits(sizes.rows, std::vector<int>(sizes.keys));
    std::string where = fmt::format("{} rows, {} keys, tiles {} x {}", sizes.rows, sizes.keys, sizes.rowBlock, sizes.keyBlock);
    for (Sweep const &sweep : sweeps)
      walk(sweep, sizes, [&](Tile const &tile) {
        bool any = false;
        for (int64_t t = tile.rowBegin; t < tile.rowEnd; ++t)
          for (int64_t u = tile.keyBegin; u < tile.keyEnd; ++u) {
            int64_t i = tile.rowOffset + tile.stride * t, j = tile.keyOffset + tile.stride * u;
            if (i >= sizes.rows || j < 0 || j >= sizes.keys) {
              complain(predicate, where + ": a pair outside");
              continue;
            }
            if (tile.full && !allowed[i][j])
              complain(predicate, where + fmt::format(": ({}, {}) is in a full tile and not in the domain", i, j));
            bool skipped = llvm::any_of(sweep.skipped, [&](Lattice const &lattice) {
              return evaluate(residueOf(lattice), {i, j}, sizes.symbols) == 0;
            });
            bool inside = !sweep.isApart || llvm::any_of(sweep.parts, [&](Part const &part) {
              return llvm::all_of(part.conditions, [&](Condition const &condition) {
                int64_t value = evaluate(condition.expr, {i, j}, sizes.symbols);
                return condition.equality ? value == 0 : value >= 0;
              });
            });
            visits[i][j] += !skipped && inside;
            any |= allowed[i][j];
          }
        ++totals.tiles;
        totals.full += tile.full;
        totals.empty += !any;
        if (!any && neverEmpty)
          complain(predicate, where + fmt::format(": tile at {}, {} is empty", tile.rowBegin, tile.keyBegin));
      });
    for (int64_t i = 0; i < sizes.rows; ++i)
      for (int64_t j = 0; j < sizes.keys; ++j)
        if (allowed[i][j] ? visits[i][j] != 1 : visits[i][j] > 1)
          complain(predicate, where + fmt::format(": ({}, {}) is visited {} times", i, j, visits[i][j]));
  }

  MLIRContext &context;
  std::string predicate;
  bool neverEmpty;
  Totals totals;
};

/// The masks of the standard library, and what it says of their tiles: whether none that is visited is empty.
struct Known {
  char const *name, *predicate;
  bool neverEmpty;
};
constexpr Known known[] = {
    {"causal", "%p = arith.cmpi sle, %j, %i : index", true},
    {"causal with offset", "%o1 = affine.apply affine_map<(i)[n, m] -> (i + m - n)>(%i)[%n, %m]\n%p = arith.cmpi sle, %j, %o1 : index", true},
    {"window", "%w = arith.constant 3 : index\n%a = affine.apply affine_map<(i, j) -> (i - j)>(%i, %j)\n"
               "%c = affine.apply affine_map<(i, j) -> (j - i)>(%i, %j)\n%e = arith.maxsi %a, %c : index\n"
               "%p = arith.cmpi sle, %e, %w : index", true},
    {"window of run-time width", "%a = arith.subi %i, %j : index\n%c = arith.subi %j, %i : index\n%e = arith.maxsi %a, %c : index\n"
                                 "%p = arith.cmpi sle, %e, %s : index", true},
    {"blocks of 4", "%a = affine.apply affine_map<(i) -> (i floordiv 4)>(%i)\n%c = affine.apply affine_map<(j) -> (j floordiv 4)>(%j)\n"
                    "%p = arith.cmpi eq, %a, %c : index", true},
    {"neighbouring blocks", "%w = arith.constant 1 : index\n%a = affine.apply affine_map<(i, j) -> (i floordiv 4 - j floordiv 4)>(%i, %j)\n"
                            "%c = affine.apply affine_map<(i, j) -> (j floordiv 4 - i floordiv 4)>(%i, %j)\n"
                            "%e = arith.maxsi %a, %c : index\n%p = arith.cmpi sle, %e, %w : index", true},
    {"dilated", "%z = arith.constant 0 : index\n%w = arith.constant 12 : index\n%a = affine.apply affine_map<(i, j) -> ((i - j) mod 4)>(%i, %j)\n"
                "%b1 = arith.cmpi eq, %a, %z : index\n%c = arith.subi %i, %j : index\n%e = arith.subi %j, %i : index\n"
                "%f = arith.maxsi %c, %e : index\n%g = arith.cmpi sle, %f, %w : index\n%p = arith.andi %b1, %g : i1", true},
    {"strided", "%z = arith.constant 0 : index\n%w = arith.constant 5 : index\n%a = affine.apply affine_map<(i, j) -> ((i - j) mod 5)>(%i, %j)\n"
                "%b1 = arith.cmpi eq, %a, %z : index\n%c = arith.subi %i, %j : index\n%g = arith.cmpi slt, %c, %w : index\n"
                "%h = arith.ori %b1, %g : i1\n%k = arith.cmpi sle, %j, %i : index\n%p = arith.andi %h, %k : i1", true},
    {"fixed", "%z = arith.constant 6 : index\n%a = affine.apply affine_map<(i) -> (i floordiv 8)>(%i)\n"
              "%c = affine.apply affine_map<(j) -> (j floordiv 8)>(%j)\n%b1 = arith.cmpi eq, %a, %c : index\n"
              "%e = affine.apply affine_map<(j) -> (j mod 8)>(%j)\n%f = arith.cmpi sge, %e, %z : index\n"
              "%h = arith.ori %b1, %f : i1\n%k = arith.cmpi sle, %j, %i : index\n%p = arith.andi %h, %k : i1", false},
    {"sinks and a window", "%z = arith.constant 4 : index\n%c = arith.subi %i, %j : index\n%b1 = arith.cmpi slt, %c, %z : index\n"
                           "%e = arith.cmpi slt, %j, %z : index\n%h = arith.ori %b1, %e : i1\n"
                           "%k = arith.cmpi sle, %j, %i : index\n%p = arith.andi %h, %k : i1", true},
    {"prefix", "%a = arith.cmpi slt, %j, %s : index\n%k = arith.cmpi sle, %j, %i : index\n%p = arith.ori %a, %k : i1", true},
    {"first rows", "%t = arith.constant 3 : index\n%a = arith.cmpi slt, %i, %t : index\n%k = arith.cmpi eq, %i, %j : index\n%p = arith.ori %a, %k : i1", true},
    {"never", "%p = arith.constant false", true},
};

/// Random predicates: trees of and, or, not over comparisons of affine terms with floordiv, mod, min and max.
class Generator {
public:
  explicit Generator(unsigned seed) : random(seed) {}

  std::string predicate() {
    text.clear();
    next = 0;
    std::string top = condition(below(3) + 1);
    text += fmt::format("%t = arith.constant true\n%p = arith.andi {}, %t : i1\n", top);
    return text;
  }

private:
  int64_t below(int64_t bound) { return static_cast<int64_t>(random() % bound); }
  std::string name() { return fmt::format("%x{}", next++); }

  std::string define(std::string const &operation) {
    std::string result = name();
    text += fmt::format("{} = {}\n", result, operation);
    return result;
  }

  std::string constant(int64_t value) { return define(fmt::format("arith.constant {} : index", value)); }

  std::string term() {
    int64_t i = below(3) - 1, j = below(3) - 1, s = below(4) == 0, c = below(13) - 4;
    if (!i && !j)
      j = 1;
    std::string form = fmt::format("i * {} + j * {} + s * {} + {}", i, j, s, c);
    int64_t divisor = 2 + below(6);
    switch (below(5)) {
    case 0:
      form = fmt::format("({}) floordiv {}", form, divisor);
      break;
    case 1:
      form = fmt::format("({}) mod {}", form, divisor);
      break;
    case 2:
      form = fmt::format("i floordiv {0} - j floordiv {0} + {1}", divisor, c);
      break;
    }
    return define(fmt::format("affine.apply affine_map<(i, j)[s] -> ({})>(%i, %j)[%s]", form));
  }

  std::string condition(int64_t depth) {
    if (depth > 0 && below(4) != 0) {
      std::string a = condition(depth - 1), b = condition(depth - 1);
      if (below(6) == 0) {
        std::string yes = define("arith.constant true");
        a = define(fmt::format("arith.xori {}, {} : i1", a, yes));
      }
      return define(fmt::format("arith.{} {}, {} : i1", below(2) ? "andi" : "ori", a, b));
    }
    static constexpr char const *predicates[] = {"sle", "slt", "sge", "sgt", "eq", "ne", "sle", "slt"};
    std::string a = term(), b = below(3) == 0 ? term() : constant(below(9));
    if (below(4) == 0)
      a = define(fmt::format("arith.{} {}, {} : index", below(2) ? "maxsi" : "minsi", a, term()));
    return define(fmt::format("arith.cmpi {}, {}, {} : index", predicates[below(8)], a, b));
  }

  std::mt19937 random;
  std::string text;
  int next = 0;
};

} // namespace

int main() {
  DialectRegistry registry;
  registry.insert<affine::AffineDialect, arith::ArithDialect, func::FuncDialect, ir::HeedDialect, tensor::TensorDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  for (Known const &mask : known) {
    Totals totals = Check(context, mask.predicate, mask.neverEmpty).run();
    fmt::print(stderr, "{}: {} tiles, {} full, {} empty\n", mask.name, totals.tiles, totals.full, totals.empty);
  }
  Totals all;
  Generator generator(20260101);
  for (int number = 0; number < 500; ++number) {
    Totals totals = Check(context, generator.predicate(), false).run();
    all.tiles += totals.tiles, all.full += totals.full, all.empty += totals.empty;
  }
  fmt::print("random: {} tiles, {} full, {} empty\n", all.tiles, all.full, all.empty);
  if (failures)
    fmt::print(stderr, "{} failures\n", failures);
  return failures != 0;
}
