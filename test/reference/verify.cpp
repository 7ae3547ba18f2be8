// RUN: %build/bin/heed-verify-test
// verifyCompiled against a runtime made of the interpreter in f32, correct and with faults: what it must accept and
// what it must notice.
#include "Models.h"

#include "compiler/reference/Buffers.h"
#include "compiler/reference/VerifyCompiled.h"

#include <cstring>
#include <map>

using namespace heed;
using namespace heed::build;
using namespace heed::reference;

enum class Fault {
  None,
  WrongTail,
  DependsOnThreads,
  DependsOnBatch,
  IgnoresBadIndex,
  WrongLength,
  FailsToRun,
  ForgetsOneWeight
};

/// What stands behind the function table; one model at a time is enough.
struct Fake {
  Program program;
  Fault fault = Fault::None;
  int threads = 1;
  std::map<std::string, Array> weights;
} fake;

static Array view(Element element, heed_tensor const &tensor) {
  Buffer buffer;
  buffer.tensor = tensor;
  auto *bytes = static_cast<unsigned char *>(tensor.data);
  int64_t count = 1;
  for (int axis = 0; axis < tensor.rank; ++axis)
    count *= tensor.shape[axis];
  buffer.bytes.assign(bytes, bytes + count * (element == Element::F64 ? 8 : element == Element::Bool ? 1 : 4));
  return decode(element, buffer);
}

static heed_status create(heed_program const *, heed_options const *options, heed_model **model) {
  fake.threads = options->threads;
  *model = reinterpret_cast<heed_model *>(&fake);
  return HEED_OK;
}
static void destroy(heed_model *) {}
static heed_status bind(heed_model *, char const *name, heed_tensor const *value) {
  Array array = view(Element::F32, *value);
  if (fake.fault == Fault::ForgetsOneWeight && std::strcmp(name, "wa") == 0)
    std::fill(array.data.begin(), array.data.end(), 0.0);
  fake.weights[name] = std::move(array);
  return HEED_OK;
}
static heed_status run(heed_model *, int64_t batch, heed_tensor const *inputs, heed_tensor *outputs) {
  if (fake.fault == Fault::FailsToRun)
    return HEED_E_MEMORY;
  for (int64_t example = 0; example < batch; ++example) {
    std::vector<Array> in, params;
    for (TensorId input : fake.program.inputs)
      in.push_back(view(fake.program.tensors[input].element, *inputs++));
    for (TensorId param : fake.program.params)
      params.push_back(fake.weights[fake.program.tensors[param].name]);
    Result result = evaluate(fake.program, in, params, Precision::F32);
    if (!result.error.empty() && fake.fault != Fault::IgnoresBadIndex)
      return HEED_E_INDEX;
    for (size_t output = 0; result.error.empty() && output < result.outputs.size(); ++output, ++outputs) {
      Array &array = result.outputs[output];
      if (!array.data.empty() && fake.fault == Fault::WrongTail && array.data.size() % 2)
        array.data.back() += 1e-3;
      if (!array.data.empty() && ((fake.fault == Fault::DependsOnThreads && fake.threads > 1) ||
                                  (fake.fault == Fault::DependsOnBatch && example > 0)))
        array.data[0] = std::nextafter(static_cast<float>(array.data[0]), 2.0f);
      if (fake.fault == Fault::WrongLength && array.shape[0] > 1)
        --array.shape[0], array.data.pop_back();
      Buffer encoded = encode(fake.program.tensors[fake.program.outputs[output]].element, array);
      std::memcpy(outputs->data, encoded.bytes.data(), usedBytes(Element::F32, encoded));
      std::copy(array.shape.begin(), array.shape.end(), outputs->shape);
    }
  }
  return HEED_OK;
}
static char const *lastError() { return "out of memory"; }

static std::string verifyWith(Program program, Fault fault, bool expected, std::string const &what) {
  fake = {std::move(program), fault, 1, {}};
  std::string report;
  bool accepted = verifyCompiled(fake.program, nullptr, {create, destroy, bind, run, lastError}, {6, 1, 1e6}, report);
  expect(accepted == expected, what + ":\n" + report);
  return report;
}

static Program gather() {
  Builder b;
  Size n = b.dim("n"), two{2, {}};
  TensorId token = b.input("token", {n}, Element::I32), table = b.param("table", {Size{3, {}}, two});
  TensorId out = b.tensor("out", {n, two});
  IndexId i = b.index("i", n), c = b.index("c", two);
  // token * token - 1 is -1 for 0: the ranges of inputs cannot be deduced through the square, so some draws are
  // refused.
  ExprPtr place = b.read(token, {at(i)}) * b.read(token, {at(i)}) - integer(1);
  b.add(b.define(out, {i, c}, b.read(table, {place, at(c)}, true)));
  b.output(out);
  return b.program;
}

int main() {
  Program causal = attention(Mask::Causal, 8, 8, 0.3);
  verifyWith(causal, Fault::None, true, "attention");
  verifyWith(scan(false, 1.0), Fault::None, true, "a length ended by until");
  verifyWith(additive(8, 4), Fault::None, true, "two dims and parameters");
  verifyWith(gather(), Fault::None, true, "bad indices are refused");

  std::string report = verifyWith(scan(false), Fault::WrongTail, false, "a wrong last element at odd sizes");
  expect(report.find("worst element") != std::string::npos && report.find("n = 1") != std::string::npos, report);
  verifyWith(causal, Fault::DependsOnThreads, false, "results that depend on threads");
  verifyWith(causal, Fault::DependsOnBatch, false, "results that depend on the batch");
  report = verifyWith(gather(), Fault::IgnoresBadIndex, false, "an index out of range that is ignored");
  expect(report.find("is out of range for axis 0 of 'table'") != std::string::npos, report);
  verifyWith(scan(false, 1.0), Fault::WrongLength, false, "another length than until gives");
  report = verifyWith(causal, Fault::FailsToRun, false, "a run that fails");
  expect(report.find("out of memory") != std::string::npos, report);
  verifyWith(additive(8, 4), Fault::ForgetsOneWeight, false, "a weight that is not used");

  std::string missing;
  expect(!verifyLibrary(causal, "/nonexistent.so", {}, missing) && missing.find("cannot load") == 0, missing);
  std::printf("%d failures\n", failures);
  return failures != 0;
}
