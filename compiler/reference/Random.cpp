// Random.cpp - draws sizes and values for a program.
#include "compiler/reference/Random.h"

#include "compiler/reference/Dependence.h"
#include "compiler/reference/Sizes.h"
#include "compiler/reference/Storage.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <unordered_map>
#include <unordered_set>

namespace heed::reference {

/// After so many attempts the list is used up, and any size is as good.
constexpr int AttemptsAwkward = 200;
constexpr int64_t AwkwardSizes[] = {0, 1, 2, 3, 5, 7, 8, 13, 16, 31, 33, 64, 65, 97, 128, 131, 200, 257, 512};

/// A generator whose values are the same with every standard library, unlike std::normal_distribution.
class Generator {
public:
  explicit Generator(uint64_t seed) : engine(seed) {}
  double uniform() { return static_cast<double>(engine() >> 11) * 0x1p-53; }
  int64_t below(int64_t count) { return count > 0 ? static_cast<int64_t>(engine() % static_cast<uint64_t>(count)) : 0; }
  double normal() {
    constexpr double pi = 3.141592653589793;
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * pi * uniform());
  }

private:
  std::mt19937_64 engine;
};

namespace {

/// Walks all equations once, for the number of operations and for what each parameter is summed over.
class Survey {
public:
  Survey(Program const &program, std::vector<int64_t> const &dims)
      : program(program), sizes{dims}, dependence(program) {
    for (Step const &step : program.steps) {
      if (auto *definition = std::get_if<Definition>(&step)) {
        visit(*definition);
        continue;
      }
      Recurrence const &recurrence = std::get<Recurrence>(step);
      for (Definition const &member : recurrence.members)
        visit(member);
      for (Start const &start : recurrence.starts)
        add(start.value, start.indices);
      if (recurrence.until)
        add(recurrence.until, {recurrence.step});
    }
  }

  /// An upper bound that ignores memos for whole definitions, but counts every shared subexpression once.
  double work = 0;
  std::unordered_map<TensorId, double> fanIn;

private:
  double extent(IndexId index) {
    return static_cast<double>(std::max<int64_t>(sizes.of(program.indices[index].size), 0));
  }

  void visit(Definition const &definition) {
    add(definition.value, definition.indices);
    add(definition.domain, definition.indices);
  }

  /// `times`: how often this subexpression is computed, given that a reduction is computed once for each value of the
  /// indices it depends on.
  void add(ExprPtr const &root, std::vector<IndexId> const &around) {
    if (!root)
      return;
    struct Pending {
      Expr const *expr;
      double times;
      Expr::Reduce const *reduce; // innermost reduction around
    };
    double all = 1;
    for (IndexId index : around)
      all *= extent(index);
    std::vector<Pending> pending{{root.get(), all, nullptr}};
    std::unordered_set<Expr const *> seen;
    while (!pending.empty()) {
      Pending now = pending.back();
      pending.pop_back();
      if (!seen.insert(now.expr).second)
        continue;
      double times = now.times;
      Expr::Reduce const *reduce = now.reduce;
      if (auto *node = std::get_if<Expr::Reduce>(&now.expr->node)) {
        double distinct = 1;
        for (IndexId index : dependence.of(*now.expr))
          distinct *= extent(index);
        times = std::min(times, distinct);
        for (IndexId index : node->indices)
          times *= extent(index);
        reduce = node;
      }
      if (auto *read = std::get_if<Expr::Read>(&now.expr->node))
        noteRead(*read, reduce);
      work += times;
      forEachChild(*now.expr, [&](Expr const &child) {
        if (child.type != Scalar::Int || !isAddress(child)) // subscripts cost nothing beside the read
          pending.push_back({&child, times, reduce});
      });
    }
  }

  static bool isAddress(Expr const &expr) {
    return std::holds_alternative<Expr::IndexValue>(expr.node) || std::holds_alternative<Expr::IntConstant>(expr.node);
  }

  void noteRead(Expr::Read const &read, Expr::Reduce const *reduce) {
    if (program.tensors[read.tensor].kind != TensorKind::Param || !reduce || reduce->kind != ReduceKind::Sum)
      return;
    double summed = 1;
    for (IndexId index : reduce->indices)
      for (ExprPtr const &subscript : read.subscripts) {
        std::vector<IndexId> const &used = dependence.of(*subscript);
        if (std::binary_search(used.begin(), used.end(), index)) {
          summed *= extent(index);
          break;
        }
      }
    double &mine = fanIn[read.tensor];
    mine = std::max(mine, summed);
  }

  Program const &program;
  Sizes sizes;
  Dependence dependence;
};

} // namespace

static bool isValid(Program const &program, std::vector<int64_t> const &dims) {
  Sizes sizes{dims};
  for (Tensor const &tensor : program.tensors) {
    double elements = 1;
    for (Size const &size : tensor.shape) {
      int64_t extent = sizes.of(size);
      if (extent < 0)
        return false;
      elements *= static_cast<double>(extent);
    }
    if (elements > 0x1p27)
      return false;
  }
  for (IndexVariable const &index : program.indices)
    if (sizes.of(index.size) < 0)
      return false;
  for (size_t dim = 0; dim < dims.size(); ++dim)
    if (!program.dims[dim].fromUntil && dims[dim] < program.dims[dim].minimum)
      return false;
  return true;
}

std::vector<std::vector<int64_t>> drawSizes(Program const &program, size_t count, uint64_t seed, double maximumWork) {
  Generator generator(seed);
  std::vector<std::vector<int64_t>> result;
  std::optional<std::pair<double, std::vector<int64_t>>> cheapest; // of those with something to compute
  bool fixed = std::all_of(program.dims.begin(), program.dims.end(), [](Dim const &dim) { return dim.fromUntil; });
  for (int attempt = 0; attempt < 400 && result.size() < count; ++attempt) {
    std::vector<int64_t> dims;
    // The first attempts take one size for all dims, from both ends: the smallest break loops without iterations, and the
    // largest more than one tile. Later ones mix sizes.
    size_t turn = attempt % std::size(AwkwardSizes);
    size_t same = turn % 2 ? std::size(AwkwardSizes) - 1 - turn / 2 : turn / 2;
    bool mixes = attempt >= static_cast<int>(std::size(AwkwardSizes)) || (attempt % 3 == 2 && program.dims.size() > 1);
    for (Dim const &dim : program.dims) {
      int64_t value = AwkwardSizes[mixes ? generator.below(std::size(AwkwardSizes)) : same];
      if (attempt >= AttemptsAwkward)
        value = generator.below(AwkwardSizes[std::size(AwkwardSizes) - 1] + 1);
      if (dim.maximum >= 0)
        value = attempt < AttemptsAwkward ? std::min(value, dim.maximum) : value % (dim.maximum + 1);
      dims.push_back(dim.fromUntil ? dim.maximum : std::max(value, dim.minimum));
    }
    if (std::find(result.begin(), result.end(), dims) != result.end() || !isValid(program, dims))
      continue;
    double work = Survey(program, dims).work;
    if (!cheapest || (work > 0 && work < cheapest->first))
      cheapest = {work, dims};
    if (work <= maximumWork)
      result.push_back(std::move(dims));
    if (fixed)
      break; // nothing else to try
  }
  // A model whose smallest size is already above the limit is still worth one evaluation.
  bool nothing = std::all_of(result.begin(), result.end(), [](std::vector<int64_t> const &dims) {
    return !dims.empty() && std::all_of(dims.begin(), dims.end(), [](int64_t size) { return size == 0; });
  });
  if (nothing && cheapest && std::find(result.begin(), result.end(), cheapest->second) == result.end())
    result.push_back(cheapest->second);
  return result;
}

static Array draw(Tensor const &tensor, std::vector<int64_t> shape, IntegerRange range, double scale,
                  Generator &generator) {
  Array array{std::move(shape), {}};
  int64_t alphabet = 0; // code points: bytes that do not continue one
  for (char byte : tensor.alphabet)
    alphabet += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  if (alphabet)
    range = {std::max<int64_t>(range.low, 0), std::min(range.high, alphabet)};
  int64_t limit = tensor.element == Element::I8 ? 0x80 : 0x80000000;
  range = {std::max(range.low, -limit), std::min(range.high, limit)};
  bool free = range.low == -limit && range.high == limit;
  if (free)
    range = {0, 8}; // labels, lengths, flags: small and often equal
  int64_t count = elementCount(tensor.name, array.shape);
  array.data.reserve(count);
  for (int64_t index = 0; index < count; ++index)
    switch (tensor.element) {
    case Element::Bool:
      array.data.push_back(generator.below(2));
      break;
    case Element::I32:
    case Element::I8:
      array.data.push_back(range.low + generator.below(range.high - range.low));
      break;
    default:
      array.data.push_back(roundTo(tensor.element, scale * generator.normal()));
    }
  return array;
}

Sample drawSample(Program const &program, std::vector<int64_t> const &dims, uint64_t seed) {
  Generator generator(seed);
  Survey survey(program, dims);
  Sizes sizes{dims};
  std::vector<IntegerRange> ranges = inputRanges(program, dims);
  Sample sample;
  for (TensorId id : program.inputs)
    sample.inputs.push_back(draw(program.tensors[id], sizes.of(program.tensors[id].shape), ranges[id], 1, generator));
  for (TensorId id : program.params) {
    auto fanIn = survey.fanIn.find(id);
    double scale = fanIn == survey.fanIn.end() ? 1 : 1 / std::sqrt(std::max(fanIn->second, 1.0));
    sample.params.push_back(
        draw(program.tensors[id], sizes.of(program.tensors[id].shape), ranges[id], scale, generator));
  }
  return sample;
}

Array wave(std::vector<int64_t> shape, double phase) {
  Array array{std::move(shape), {}};
  int64_t count = elementCount("wave", array.shape);
  for (int64_t position = 0; position < count; ++position)
    array.data.push_back(std::sin(0.7 * static_cast<double>(position) + phase));
  return array;
}

} // namespace heed::reference
