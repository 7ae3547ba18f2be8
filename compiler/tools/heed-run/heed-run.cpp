// heed-run.cpp - runs a model once and shows what it returns.
#include "compiler/tools/heed-run/Matrix.h"
#include "compiler/tools/picture/Picture.h"
#include "compiler/tools/heed-run/Print.h"
#include "compiler/tools/heed-run/Source.h"
#include "compiler/tools/picture/Terminal.h"

#include <cstdio>
#include <fmt/format.h>
#include <fstream>

using namespace heed;
using namespace heed::run;

namespace {

bool endsWith(std::string const &text, std::string const &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// FILE.1.npy for the second example of a batch.
std::string numbered(std::string const &file, size_t example, size_t count) {
  size_t dot = file.rfind('.');
  return count == 1
             ? file
             : fmt::format("{}.{}{}", file.substr(0, dot), example, dot == std::string::npos ? "" : file.substr(dot));
}

/// Tells a mistake in --output, --show and --picture before anything runs.
struct Requests {
  std::vector<std::pair<size_t, std::string>> outputs;
  std::vector<std::pair<std::string, std::string>> pictures; // matrix, file

  Requests(Signature const &signature, Arguments const &arguments) {
    for (Assignment const &output : arguments.outputs)
      outputs.emplace_back(find(signature, output.name), output.value);
    for (std::string const &show : arguments.shows)
      find(signature, show.substr(0, show.find('[')));
    for (std::string const &picture : arguments.pictures) {
      size_t equal = picture.find('=');
      std::string file = equal == std::string::npos ? picture : picture.substr(equal + 1),
                  name = picture.substr(0, equal);
      if (!endsWith(file, ".svg"))
        throw UsageError("expected a name that ends in .svg after --picture, found '" + file + "'");
      if (equal == std::string::npos) {
        name = file.substr(file.rfind('/') + 1);
        name.resize(name.size() - 4);
      }
      find(signature, name.substr(0, name.find('[')));
      pictures.emplace_back(name, file);
    }
  }

private:
  static size_t find(Signature const &signature, std::string const &name) {
    for (size_t i = 0; i < signature.outputs.size(); ++i)
      if (signature.outputs[i].name == name)
        return i;
    throw UsageError(fmt::format("the model has no result '{}'; it has: {}", name, namesOf(signature.outputs)));
  }
};

void show(Signature const &signature, Arguments const &arguments, Example const &inputs, Example const &outputs) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (signature.inputs[i].isText())
      fmt::print("{}: {}\n", signature.inputs[i].name, shownText(signature.inputs[i], inputs[i]));
  std::vector<std::string> drawn = arguments.shows;
  for (size_t i = 0; i < outputs.size(); ++i) {
    TensorSignature const &output = signature.outputs[i];
    if (output.isText() && output.shape.size() == 1 && !arguments.print)
      fmt::print("{}: {}\n", output.name, shownText(output, outputs[i]));
    else if (arguments.print)
      fmt::print("{} = {}\n", output.name, valuesText(output, outputs[i], true));
    else if (arguments.shows.empty() && runsAlongTexts(signature, output))
      drawn.push_back(output.name);
    else
      fmt::print("{}: {}\n", output.name, summary(outputs[i], output));
  }
  for (std::string const &name : drawn)
    fmt::print("\n{}", picture::drawBlocks(matrixOf(signature, inputs, outputs, name), picture::terminalWidth()));
}

void write(std::string const &file, std::string const &text) {
  std::ofstream stream(file, std::ios::binary);
  if (!(stream << text) || !stream.flush())
    throw Failure("cannot write '" + file + "'");
}

void runModel(Arguments const &arguments, char const *tool) {
  bool source = endsWith(arguments.model, ".heed");
  if (arguments.reference && !source)
    throw UsageError("--reference evaluates a .heed file, found '" + arguments.model + "'");
  if (!arguments.probes.empty() && !source)
    throw UsageError("--probe needs a .heed file, found '" + arguments.model + "'");
  if (arguments.probes == std::vector<std::string>{"help"}) {
    for (std::string const &definition : definitionsOf(arguments, tool))
      fmt::print("{}\n", definition);
    return;
  }
  std::optional<Program> program;
  std::unique_ptr<Library> library;
  Signature signature;
  if (arguments.reference || (source && arguments.describe)) {
    program = checkModel(arguments, tool);
    signature = signatureOf(*program);
  } else {
    library = source ? compileAndLoad(arguments, tool) : std::make_unique<Library>(arguments.model, arguments.threads);
    signature = library->signature();
  }
  if (arguments.describe) {
    fmt::print("{}", describe(signature));
    return;
  }

  Requests requests(signature, arguments);
  std::vector<Example> examples = readInputs(signature, arguments);
  auto params = readParams(signature, arguments, !arguments.weights.empty());
  std::vector<Example> results;
  if (program) {
    results = evaluate(*program, signature, arguments.weights, params, examples);
    for (TensorSignature &output : signature.outputs)
      if (output.isReal())
        output.dtype = HEED_F64;
  } else {
    if (!arguments.weights.empty())
      library->bindFile(arguments.weights);
    for (auto const &[index, value] : params)
      library->bind(signature.params[index].name, signature.params[index].dtype, value);
    results = library->run(examples);
  }

  if (arguments.json)
    fmt::print("{}", json(signature, results));
  for (size_t b = 0; b < results.size(); ++b) {
    if (!arguments.json) {
      if (b > 0)
        fmt::print("\n");
      show(signature, arguments, examples[b], results[b]);
    }
    for (auto const &[output, file] : requests.outputs)
      writeNpy(numbered(file, b, results.size()), results[b][output], signature.outputs[output].dtype);
    for (auto const &[name, file] : requests.pictures)
      write(numbered(file, b, results.size()),
            picture::drawSvg(matrixOf(signature, examples[b], results[b], name), signature.name));
  }
  if (std::fflush(stdout) != 0)
    throw Failure("cannot write to the standard output");
}

} // namespace

int main(int argc, char **argv) {
  try {
    Arguments arguments = parseArguments(argc, argv);
    if (arguments.help)
      fmt::print("{}", helpText);
    else if (arguments.version)
      fmt::print("heed-run {}\n", heed_version());
    else
      runModel(arguments, argv[0]);
    return 0;
  } catch (UsageError const &error) {
    fmt::print(stderr, "heed-run: error: {}\n", error.what());
    return 2;
  } catch (std::exception const &error) {
    // A failed compilation has told why already.
    if (*error.what())
      fmt::print(stderr, "heed-run: error: {}\n", error.what());
    return 1;
  }
}
