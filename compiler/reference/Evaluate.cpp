// Evaluate.cpp - runs the steps of a program: definitions, softmax normalisation and recurrences.
#include "compiler/reference/Evaluate.h"

#include "compiler/reference/Machine.h"
#include "compiler/reference/Resolve.h"

#include <fmt/format.h>

#include <new>

namespace heed::reference {
namespace {

template <typename Arithmetic>
class Evaluation {
public:
  Evaluation(Program const &program, Arithmetic arithmetic)
      : program(program), arithmetic(arithmetic), dependence(program), storages(program.tensors.size()) {}

  void run(std::vector<Array> const &inputs, std::vector<Array> const &params) {
    auto shapes = [](std::vector<Array> const &arrays) {
      std::vector<std::vector<int64_t>> result;
      for (Array const &array : arrays)
        result.push_back(array.shape);
      return result;
    };
    sizes = bindSizes(program, shapes(inputs), shapes(params));
    for (size_t index = 0; index < inputs.size(); ++index)
      fill(program.inputs[index], inputs[index]);
    for (size_t index = 0; index < params.size(); ++index)
      fill(program.params[index], params[index]);
    for (Step const &step : program.steps)
      std::visit([&](auto const &node) { this->evaluate(node); }, step);
  }

  std::vector<Array> outputs() {
    std::vector<Array> result;
    for (TensorId tensor : program.outputs) {
      std::vector<int64_t> shape = shapeOf(tensor);
      if (int64_t position = storages[tensor].firstUndefined(shape); position >= 0)
        throw EvaluationError(fmt::format("internal error: output '{}' is not defined at element {} (row-major)",
                                          program.tensors[tensor].name, position));
      result.push_back(storages[tensor].cut(shape));
    }
    return result;
  }

  void keep(std::map<std::string, Array> &kept) {
    for (auto &[name, array] : kept) {
      TensorId tensor = 0;
      while (tensor < program.tensors.size() && program.tensors[tensor].name != name)
        ++tensor;
      if (tensor == program.tensors.size())
        throw EvaluationError(fmt::format("'{}' has no tensor '{}'", program.name, name));
      array = storages[tensor].cut(shapeOf(tensor));
    }
  }

  std::vector<std::pair<std::string, int64_t>> dims() const {
    std::vector<std::pair<std::string, int64_t>> result;
    for (size_t dim = 0; dim < program.dims.size(); ++dim)
      result.emplace_back(program.dims[dim].name, sizes.dims[dim]);
    return result;
  }

private:
  /// The shape of a tensor that has been evaluated, at the present sizes.
  std::vector<int64_t> shapeOf(TensorId tensor) {
    std::vector<int64_t> shape = sizes.of(program.tensors[tensor].shape);
    Storage const &storage = storages[tensor];
    bool fits = storage.ready && storage.extent.size() == shape.size();
    for (size_t axis = 0; fits && axis < shape.size(); ++axis)
      fits = shape[axis] >= 0 && shape[axis] <= storage.extent[axis];
    if (!fits)
      throw EvaluationError(fmt::format("internal error: '{}' is not evaluated", program.tensors[tensor].name));
    return shape;
  }

  void fill(TensorId id, Array const &array) {
    Tensor const &tensor = program.tensors[id];
    Storage &storage = storages[id];
    storage.allocate(tensor.name, std::vector<int64_t>(array.shape.size(), 0), array.shape, false);
    if (array.data.size() != storage.data.size())
      throw EvaluationError(
          fmt::format("'{}' has {} values, its shape needs {}", tensor.name, array.data.size(), storage.data.size()));
    for (size_t position = 0; position < array.data.size(); ++position) {
      double value = roundTo(tensor.element, array.data[position]);
      double low = tensor.element == Element::I32 ? -0x1p31 : tensor.element == Element::I8 ? -128 : 0;
      double high = tensor.element == Element::Bool ? 1 : -low - 1;
      bool isInteger =
          tensor.element == Element::I32 || tensor.element == Element::I8 || tensor.element == Element::Bool;
      if (isInteger && !(value == std::trunc(value) && value >= low && value <= high))
        throw EvaluationError(fmt::format("{} is not a possible value of '{}'", value, tensor.name));
      storage.data[position] = value;
    }
  }

  Surroundings surroundings() { return {program, sizes, storages, dependence}; }

  void evaluate(Definition const &definition) {
    std::vector<int64_t> shape = sizes.of(program.tensors.at(definition.tensor).shape);
    bool partial = definition.domain != nullptr;
    storages[definition.tensor].allocate(program.tensors[definition.tensor].name, std::vector<int64_t>(shape.size(), 0),
                                         shape, partial);
    Code code = resolve(surroundings(), definition, nullptr);
    execute(program, code, arithmetic, 0);
    if (definition.softmaxAxis >= 0)
      normalise(definition, -1, 0);
  }

  /// Softmax along an axis of what was just evaluated (of time step `time` if `timeAxis` is not negative). Elements
  /// outside the domain become 0, and are defined from here on.
  void normalise(Definition const &definition, int timeAxis, int64_t time) {
    Storage &storage = storages[definition.tensor];
    std::vector<int64_t> rows = storage.extent;
    size_t axis = definition.softmaxAxis;
    if (axis >= rows.size() || definition.softmaxAxis == timeAxis)
      throw EvaluationError("internal error: softmax along an axis that does not exist");
    int64_t length = rows[axis], stride = storage.stride[axis], base = 0;
    rows[axis] = 1;
    if (timeAxis >= 0) {
      rows[timeAxis] = 1;
      base = (time - storage.low[timeAxis]) * storage.stride[timeAxis];
    }
    forEachElement(rows, [&](int64_t, std::vector<int64_t> const &subscripts) {
      int64_t first = base;
      for (size_t each = 0; each < subscripts.size(); ++each)
        first += subscripts[each] * storage.stride[each];
      normaliseRow(storage, first, stride, length);
    });
    if (timeAxis < 0)
      storage.defined.clear();
  }

  void normaliseRow(Storage &storage, int64_t first, int64_t stride, int64_t length) {
    auto isDefined = [&](int64_t position) { return storage.defined.empty() || storage.defined[position]; };
    double highest = -INFINITY, sum = 0;
    for (int64_t index = 0, position = first; index < length; ++index, position += stride)
      if (isDefined(position))
        highest = larger(highest, storage.data[position]);
    if (highest == -INFINITY) // nothing in the domain, or a bias of -inf everywhere
      highest = 0;
    for (int64_t index = 0, position = first; index < length; ++index, position += stride)
      if (isDefined(position)) {
        double &value = storage.data[position];
        value = arithmetic.unary(UnaryOp::Exp, arithmetic.binary(BinaryOp::Subtract, value, highest));
        sum = arithmetic.round(sum + value);
      }
    for (int64_t index = 0, position = first; index < length; ++index, position += stride) {
      double &value = storage.data[position];
      value = sum == 0 || !isDefined(position) ? 0 : arithmetic.binary(BinaryOp::Divide, value, sum);
      if (!storage.defined.empty())
        storage.defined[position] = 1;
    }
  }

  void evaluate(Recurrence const &recurrence) {
    int64_t length = sizes.of(recurrence.length);
    for (Definition const &member : recurrence.members)
      allocateMember(recurrence, member, length);
    for (Start const &start : recurrence.starts) {
      Code code =
          resolve(surroundings(), start, timeAxisOf(recurrence, start.tensor), timeOf(recurrence, start, length));
      execute(program, code, arithmetic, 0);
    }
    std::vector<Code> codes;
    for (Definition const &member : recurrence.members)
      codes.push_back(resolve(surroundings(), member, &recurrence));
    Code until;
    if (recurrence.until)
      until = resolveUntil(surroundings(), recurrence);

    int64_t taken = 0;
    for (bool done = false; taken < length && !done; ++taken) {
      int64_t time = recurrence.backward ? length - 1 - taken : taken;
      for (size_t index = 0; index < codes.size(); ++index) {
        execute(program, codes[index], arithmetic, time);
        if (Definition const &member = recurrence.members[index]; member.softmaxAxis >= 0)
          normalise(member, member.timeAxis, time);
      }
      done = recurrence.until && execute(program, until, arithmetic, time).integer != 0;
    }
    if (recurrence.until)
      sizes.dims.at(recurrence.lengthDim) = taken;
    for (Definition const &member : recurrence.members)
      storages[member.tensor].trim(member.timeAxis, taken);
  }

  size_t timeAxisOf(Recurrence const &recurrence, TensorId tensor) {
    for (Definition const &member : recurrence.members)
      if (member.tensor == tensor)
        return member.timeAxis;
    throw EvaluationError("internal error: a start without a member");
  }

  static int64_t timeOf(Recurrence const &recurrence, Start const &start, int64_t length) {
    return recurrence.backward ? length + start.offset : start.offset;
  }

  /// Room for the steps and, beside them, for the start values.
  void allocateMember(Recurrence const &recurrence, Definition const &member, int64_t length) {
    Tensor const &tensor = program.tensors.at(member.tensor);
    std::vector<int64_t> extent = sizes.of(tensor.shape), low(extent.size(), 0);
    if (member.timeAxis < 0 || static_cast<size_t>(member.timeAxis) >= extent.size())
      throw EvaluationError(fmt::format("internal error: '{}' has no time axis", tensor.name));
    int64_t first = 0, last = length;
    for (Start const &start : recurrence.starts)
      if (start.tensor == member.tensor) {
        first = std::min(first, timeOf(recurrence, start, length));
        last = std::max(last, timeOf(recurrence, start, length) + 1);
      }
    low[member.timeAxis] = first;
    extent[member.timeAxis] = last - first;
    storages[member.tensor].allocate(tensor.name, low, extent, true);
  }

  Program const &program;
  Arithmetic arithmetic;
  Dependence dependence;
  Sizes sizes;
  std::vector<Storage> storages;
};

template <typename Arithmetic>
Result evaluateWith(Arithmetic arithmetic, Program const &program, std::vector<Array> const &inputs,
                    std::vector<Array> const &params, std::map<std::string, Array> *kept) {
  Result result;
  try {
    Evaluation<Arithmetic> evaluation(program, arithmetic);
    evaluation.run(inputs, params);
    result.outputs = evaluation.outputs();
    result.dims = evaluation.dims();
    if (kept)
      evaluation.keep(*kept);
  } catch (std::bad_alloc const &) {
    result = {"out of memory in the reference interpreter", {}, {}};
  } catch (std::exception const &error) {
    result = {error.what(), {}, {}};
  }
  return result;
}

} // namespace

Result evaluate(Program const &program, std::vector<Array> const &inputs, std::vector<Array> const &params,
                Precision precision, std::map<std::string, Array> *kept, uint64_t seed) {
  switch (precision) {
  case Precision::F64:
    return evaluateWith(ExactArithmetic{}, program, inputs, params, kept);
  case Precision::F32:
    return evaluateWith(SingleArithmetic{}, program, inputs, params, kept);
  case Precision::F32Random:
    break;
  }
  RandomArithmetic arithmetic{(seed + 1) * 0x9E3779B97F4A7C15u | 1};
  return evaluateWith(arithmetic, program, inputs, params, kept);
}

} // namespace heed::reference
