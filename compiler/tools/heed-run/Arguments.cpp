// Arguments.cpp - the command line of heed-run.
#include "compiler/tools/heed-run/Arguments.h"

#include <algorithm>
#include <charconv>

namespace heed::run {

char const *const helpText = R"(usage: heed-run MODEL [options]

Runs a model once and shows what it returns. MODEL is a shared library made by heedc, or a .heed file, which is
compiled first.

values
  --weights FILE         bind all parameters from a .safetensors file
  --text NAME=TEXT       an input with an alphabet, as text; repeat it for a batch of examples
  --input NAME=VALUE     any other input: FILE.npy, [[1, 2], [3, 4]], random[:SEED[:BELOW]], or sin:PHASE
  --param NAME=VALUE     a parameter, likewise; NAME * stands for all that have no value yet
  --size NAME=N          a run-time size that no given value determines

results
  (nothing)              texts, and matrices along texts drawn; other results in short
  --print                all values of all results
  --json                 the same as JSON
  --output NAME=FILE.npy write a result to a file; FILE.0.npy, FILE.1.npy, ... for a batch
  --show NAME            draw a matrix here; NAME[0] for the first of a stack of them
  --picture FILE.svg     draw the matrix named like the file, or NAME=FILE.svg

running
  --reference            evaluate the equations in f64 instead of running compiled code (.heed only)
  --threads N            0: as many as the process may use (default)
  --model NAME           which model of a .heed file that has several
  --probe NAME,...       definitions inside layers that become results too, * stands for any text (.heed only;
                         help: list them)
  --describe             print inputs, results, parameters and sizes of the model, and stop
  --help, --version

Exit code 0: done; 1: failed; 2: the command line is wrong.
)";

namespace {

Assignment assignment(std::string const &option, std::string const &text) {
  size_t equal = text.find('=');
  if (equal == std::string::npos || equal == 0)
    throw UsageError("expected NAME=VALUE after " + option + ", found '" + text + "'");
  return {text.substr(0, equal), text.substr(equal + 1)};
}

int64_t number(std::string const &option, std::string const &text, int64_t maximum) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0 || value > maximum)
    throw UsageError("expected a number from 0 to " + std::to_string(maximum) + " for " + option + ", found '" + text +
                     "'");
  return value;
}

} // namespace

Arguments parseArguments(int argc, char **argv) {
  Arguments result;
  bool onlyNames = false;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i], value;
    if (onlyNames || argument.empty() || argument[0] != '-' || argument == "-") {
      if (!result.model.empty())
        throw UsageError("expected one MODEL, found '" + result.model + "' and '" + argument + "'");
      result.model = argument;
      continue;
    }
    if (argument == "--") {
      onlyNames = true;
      continue;
    }
    // --name value, --name=value, and -name for --name.
    std::string option = argument[1] == '-' ? argument : "-" + argument;
    if (option == "--h")
      option = "--help";
    bool *flag = option == "--reference"  ? &result.reference
                 : option == "--print"    ? &result.print
                 : option == "--json"     ? &result.json
                 : option == "--describe" ? &result.describe
                 : option == "--help"     ? &result.help
                 : option == "--version"  ? &result.version
                                          : nullptr;
    if (flag) {
      *flag = true;
      continue;
    }
    size_t equal = option.find('=');
    bool attached = equal != std::string::npos;
    if (attached) {
      value = option.substr(equal + 1);
      option.resize(equal);
    }
    static char const *const known[] = {"--weights", "--text", "--input",   "--param",   "--size",
                                        "--output",  "--show", "--picture", "--threads", "--model", "--probe"};
    bool isKnown = false;
    for (char const *name : known)
      isKnown |= option == name;
    if (!isKnown)
      throw UsageError("unknown option '" + argument + "'");
    if (!attached) {
      if (++i == argc)
        throw UsageError("expected a value after " + option);
      value = argv[i];
    }
    if (option == "--weights")
      result.weights = value;
    else if (option == "--model")
      result.callable = value;
    else if (option == "--probe")
      for (size_t first = 0; first <= value.size();) {
        size_t comma = std::min(value.find(',', first), value.size());
        if (comma > first)
          result.probes.push_back(value.substr(first, comma - first));
        first = comma + 1;
      }
    else if (option == "--threads")
      result.threads = int(number(option, value, 1024));
    else if (option == "--text") {
      result.inputs.push_back(assignment(option, value));
      result.inputs.back().isText = true;
    } else if (option == "--input")
      result.inputs.push_back(assignment(option, value));
    else if (option == "--param")
      result.params.push_back(assignment(option, value));
    else if (option == "--output")
      result.outputs.push_back(assignment(option, value));
    else if (option == "--show")
      result.shows.push_back(value);
    else if (option == "--picture")
      result.pictures.push_back(value);
    else {
      Assignment size = assignment(option, value);
      result.sizes.emplace_back(size.name, number(option + " " + size.name, size.value, int64_t(1) << 40));
    }
  }
  if (result.model.empty() && !result.help && !result.version)
    throw UsageError("expected a MODEL: a shared library or a .heed file");
  return result;
}

} // namespace heed::run
