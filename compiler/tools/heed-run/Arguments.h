// Arguments.h - the command line of heed-run.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace heed::run {

/// The command line makes no sense: exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The command line makes sense but cannot be done: exit code 1.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `NAME=VALUE`. A repeated name gives the value of the next example of the batch.
struct Assignment {
  std::string name, value;
  bool isText = false;
};

struct Arguments {
  std::string model;    // a compiled .so, or a .heed file
  std::string callable; // --model: which model of the .heed file
  std::vector<std::string> probes; // --probe: definitions of the .heed file that become results
  std::string weights;
  std::vector<Assignment> inputs, params;
  std::vector<std::pair<std::string, int64_t>> sizes;
  std::vector<Assignment> outputs;          // NAME=FILE.npy
  std::vector<std::string> shows, pictures; // NAME or NAME[i]; [NAME=]FILE.svg
  int threads = 0;
  bool reference = false, print = false, json = false, describe = false, help = false, version = false;
};

Arguments parseArguments(int argc, char **argv);
extern char const *const helpText;

} // namespace heed::run
