// Options.cpp - the command line of heedc: what can be said, and what does not go together.
#include "compiler/tools/heedc/Options.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/WithColor.h"

#include <fmt/format.h>

namespace cl = llvm::cl;
using llvm::StringRef;

namespace heed {
namespace {

cl::OptionCategory category("heedc");

cl::opt<std::string> input(cl::Positional, cl::desc("FILE"), cl::cat(category));
cl::opt<std::string> output("o", cl::desc("Output; its suffix says what: .o .a .so .s .ll .ptx .mlir .h (- for stdout)"),
                            cl::value_desc("FILE"), cl::Prefix, cl::cat(category));
cl::opt<std::string> emit("emit",
                          cl::desc("Stage to write: ast checked heed derived vector gpu nvvm ptx llvm ll asm\nobj lib so header"),
                          cl::value_desc("STAGE"), cl::cat(category));
cl::opt<std::string> from("from",
                          cl::desc("FILE is IR printed at that stage: heed derived vector llvm (trusted input)"),
                          cl::value_desc("STAGE"), cl::cat(category));
cl::opt<std::string> header("header", cl::desc("Also write the C header"), cl::value_desc("FILE"), cl::cat(category));
cl::alias headerShort("h", cl::desc("Alias for --header"), cl::aliasopt(header), cl::NotHidden, cl::cat(category));
cl::opt<std::string> model("model", cl::desc("Model to compile, if the file has several"), cl::value_desc("NAME"),
                           cl::cat(category));
cl::opt<std::string>
    target("target", cl::init(defaultTargets.str()), cl::value_desc("LIST"), cl::cat(category),
           cl::desc("x86-64-v2 x86-64-v3 x86-64-v4 aarch64 native; a comma list makes one library that\n"
                    "chooses when it is loaded (default: x86-64-v3,x86-64-v4). nvidia:sm_80,sm_90a:\n"
                    "kernels for such GPUs, loaded through the CUDA driver"));
cl::opt<std::string> f32Precision("f32-precision", cl::value_desc("ieee|tf32x3"), cl::init("ieee"), cl::cat(category),
                                  cl::desc("On a GPU, products of attention in f32: ieee (default) or tf32x3, on tensor\n"
                                           "cores, each number as the sum of two tf32"));
cl::opt<unsigned> optimise("O", cl::desc("Optimisation level, 0 to 3 (default: 3)"), cl::Prefix, cl::init(3),
                           cl::value_desc("N"), cl::cat(category));
cl::opt<std::string> prefix("prefix", cl::desc("Prefix of exported symbols"), cl::value_desc("TEXT"),
                            cl::cat(category));
cl::opt<bool> verify("verify", cl::desc("Run the compiled model against the reference interpreter on random inputs"),
                     cl::cat(category));
cl::opt<unsigned> verifySizes("verify-sizes", cl::desc("At how many combinations of run-time sizes (default: 8)"),
                              cl::init(8), cl::value_desc("N"), cl::cat(category));
cl::list<std::string> probes("probe", cl::CommaSeparated, cl::value_desc("NAME,..."), cl::cat(category),
                             cl::desc("Definitions inside layers that become results of the model too; * stands\n"
                                      "for any text (help: list them)"));
cl::opt<bool> explain("explain", cl::desc("Say at each line what was derived from it, and what not, and why"),
                      cl::cat(category));
cl::opt<std::string> draw("draw", cl::value_desc("mask"), cl::cat(category),
                          cl::desc("Draw the tiles that each attention visits, here or to -o FILE.svg"));
cl::list<std::string> sizes("size", cl::CommaSeparated, cl::value_desc("NAME=N,..."), cl::cat(category),
                            cl::desc("Run-time sizes, and inputs that are numbers, for --draw"));
cl::opt<bool> depfile("MD", cl::desc("Also write a dependency file for make and ninja"), cl::cat(category));
cl::opt<std::string> depfileName("MF", cl::desc("Its name (default: output with suffix .d)"), cl::value_desc("FILE"),
                                 cl::cat(category));
cl::opt<bool> printIncludes("print-include-dir", cl::desc("Print where heed/heed.h is, for the C compiler"),
                            cl::cat(category));
cl::opt<std::string> linker("linker", cl::desc("C compiler that links shared libraries (default: cc)"),
                            cl::value_desc("NAME"), cl::Hidden, cl::cat(category));
cl::opt<bool> verifyDiagnostics("verify-diagnostics",
                                cl::desc("Compare messages with the expected-error comments of FILE"), cl::Hidden,
                                cl::cat(category));
cl::opt<bool> verifyEach("verify-each", cl::desc("Verify the IR after each pass and not only at the end of a stage"),
                         cl::Hidden, cl::cat(category));

CommandLine parsed;

int usage(std::string const &text) {
  llvm::errs() << "heedc: error: " << text << "\n";
  return ExitUsage;
}

std::optional<Phase> phaseOf(StringRef flag) {
  for (PhaseInfo const &info : phases())
    if (info.flag == flag)
      return info.phase;
  return std::nullopt;
}

/// --color is LLVM's own flag. Without it, as terminals and their users agreed.
bool wantColor() {
  cl::Option *flag = cl::getRegisteredOptions().lookup("color");
  if (flag && flag->getNumOccurrences())
    return llvm::WithColor::defaultAutoDetectFunction()(llvm::errs());
  if (llvm::sys::Process::GetEnv("NO_COLOR").value_or("") != "")
    return false;
  std::string force = llvm::sys::Process::GetEnv("CLICOLOR_FORCE").value_or("");
  return (!force.empty() && force != "0") || llvm::sys::Process::StandardErrHasColors();
}

/// LLVM and MLIR register hundreds of flags of their own. Theirs stay usable, but only --help-hidden lists the ones for
/// looking at IR.
void tidyHelp() {
  for (auto &[name, option] : cl::getRegisteredOptions()) {
    bool ours = llvm::is_contained(option->Categories, &category);
    bool general = name == "help" || name == "help-hidden" || name == "version" || name == "color";
    if (!ours && !general)
      option->setHiddenFlag(name.starts_with("mlir-") ? cl::Hidden : cl::ReallyHidden);
  }
}

/// --draw and --size.
std::optional<int> chooseDrawing() {
  if (!draw.getNumOccurrences()) {
    if (sizes.getNumOccurrences())
      return usage("--size needs --draw=mask");
    return std::nullopt;
  }
  if (draw != "mask")
    return usage(fmt::format("cannot draw '{}'; expected mask", draw.getValue()));
  if (emit.getNumOccurrences() || parsed.verify || !parsed.header.empty())
    return usage("--draw writes a picture and nothing else");
  if (output.getNumOccurrences() && !StringRef(output).ends_with(".svg"))
    return usage(fmt::format("--draw writes SVG; '{}' does not end in .svg", output.getValue()));
  parsed.draw = true;
  parsed.output = output;
  parsed.compile.draw.emplace();
  for (StringRef one : sizes) {
    auto [name, number] = one.split('=');
    int64_t value;
    if (name.empty() || number.getAsInteger(10, value) || value < 0 || value > 1 << 20)
      return usage(fmt::format("--size={}: expected NAME=N with N from 0 to 1048576", one.str()));
    (*parsed.compile.draw)[name.str()] = value;
  }
  return std::nullopt;
}

/// What to write, from --emit and the suffix of -o.
std::optional<int> chooseEmit() {
  StringRef name = output;
  if (emit.getNumOccurrences()) {
    parsed.emit = phaseOf(emit);
    if (!parsed.emit) {
      std::string all;
      for (PhaseInfo const &info : phases())
        all += " " + info.flag.str();
      return usage(fmt::format("unknown stage '{}'; expected one of{}", emit.getValue(), all));
    }
  } else if (output.getNumOccurrences()) {
    StringRef suffix = llvm::sys::path::extension(name);
    for (PhaseInfo const &info : phases())
      if (!suffix.empty() && info.suffix == suffix)
        parsed.emit = info.phase;
    if (!parsed.emit)
      return usage(fmt::format(
          "the suffix of '{}' does not say what to write; give one of .o .a .so .s .ll .ptx .mlir .h, or --emit=STAGE",
          output.getValue()));
  }
  if (!parsed.emit || output.getNumOccurrences()) {
    parsed.output = output;
    return std::nullopt;
  }
  // Texts go to the terminal, files beside it under the name of the source.
  bool binary = *parsed.emit >= Phase::Object && *parsed.emit != Phase::Header;
  StringRef stem = input == "-" ? "out" : llvm::sys::path::stem(input);
  parsed.output = binary ? (stem + infoOf(*parsed.emit).suffix).str() : "-";
  return std::nullopt;
}

std::optional<int> chooseFrom() {
  if (!from.getNumOccurrences()) {
    if (StringRef(input).ends_with(".mlir"))
      return usage(
          fmt::format("'{}' is IR; say at which stage with --from=heed, derived, vector or llvm", input.getValue()));
    return std::nullopt;
  }
  parsed.from = phaseOf(from);
  if (!parsed.from || *parsed.from < Phase::Heed || *parsed.from > Phase::LLVM ||
      (*parsed.from >= Phase::Gpu && *parsed.from <= Phase::Ptx))
    return usage(fmt::format("cannot start from stage '{}'; expected heed, derived, vector or llvm", from.getValue()));
  if (parsed.emit && *parsed.emit < *parsed.from)
    return usage(fmt::format("stage '{}' comes before '{}', where FILE starts", infoOf(*parsed.emit).flag.str(),
                             from.getValue()));
  if (parsed.verify)
    return usage("--verify needs a model file: the interpreter does not read IR");
  // IR at these stages is made for one target; it would be wrong for another.
  if (*parsed.from >= Phase::Vector && parsed.compile.targets.size() > 1) {
    if (target.getNumOccurrences())
      return usage(fmt::format("IR at stage '{}' is for one target; give one to --target", from.getValue()));
    parsed.compile.targets = {parsed.compile.targets.back()};
  }
  return std::nullopt;
}

/// --f32-precision.
std::optional<int> choosePrecision() {
  if (f32Precision != "ieee" && f32Precision != "tf32x3")
    return usage(fmt::format("unknown precision '{}' of f32; expected ieee or tf32x3", f32Precision.getValue()));
  parsed.compile.tf32x3 = f32Precision == "tf32x3";
  if (parsed.compile.tf32x3 && !parsed.compile.targets.front().device)
    return usage("--f32-precision=tf32x3 is of GPU targets; give --target=nvidia:sm_80");
  return std::nullopt;
}

/// The middle stages differ by the kind of target.
std::optional<int> checkStage() {
  bool device = parsed.compile.targets.front().device.has_value();
  for (std::optional<Phase> stage : {parsed.from, parsed.emit}) {
    if (!stage)
      continue;
    bool ofDevice = *stage >= Phase::Gpu && *stage <= Phase::Ptx;
    if (ofDevice && !device)
      return usage(fmt::format("stage '{}' is of GPU targets; give --target=nvidia:sm_80", infoOf(*stage).flag.str()));
    if (*stage == Phase::Vector && device)
      return usage("stage 'vector' is of CPU targets; for a GPU there is 'gpu'");
  }
  if (parsed.emit && parsed.compile.targets.size() > 1 && device && *parsed.emit >= Phase::Gpu && *parsed.emit <= Phase::LLVM)
    return usage(fmt::format("stage '{}' is of one GPU; give one to --target", infoOf(*parsed.emit).flag.str()));
  return std::nullopt;
}

} // namespace

CommandLine const &commandLine() { return parsed; }

std::optional<int> parseCommandLine(int argc, char **argv) {
  mlir::registerAsmPrinterCLOptions();
  mlir::registerPassManagerCLOptions();
  tidyHelp();
  cl::SetVersionPrinter(
      [](llvm::raw_ostream &out) { out << "heedc " HEED_VERSION " (LLVM " LLVM_VERSION_STRING ")\n"; });
  if (!cl::ParseCommandLineOptions(
          argc, argv,
          "heedc - compiles attention models written as equations\n\n"
          "  heedc m.heed                 check only        heedc m.heed -o m.a -h m.h   library and header\n"
          "  heedc m.heed --emit=heed     print a stage     heedc explain H0203          describe an error\n",
          &llvm::errs(), /*VFS=*/nullptr, "HEEDC_FLAGS"))
    return ExitUsage;

  std::string self = llvm::sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&parseCommandLine));
  parsed.compile.installation = findInstallation(self);
  if (printIncludes) {
    llvm::outs() << parsed.compile.installation.includeDirectory << "\n";
    return ExitOk;
  }
  if (input.empty())
    return usage("no input file; heedc --help lists the flags");
  if (optimise > 3)
    return usage(fmt::format("unknown optimisation level -O{}; expected -O0 to -O3", optimise.getValue()));
  if (!llvm::all_of(prefix, [](char c) { return llvm::isAlnum(c) || c == '_'; }) ||
      (!prefix.empty() && llvm::isDigit(prefix[0])))
    return usage(fmt::format("--prefix={} cannot begin a C identifier", prefix.getValue()));
  // What is only run here need not be compiled for other machines.
  bool here = (verify || verifySizes.getNumOccurrences()) && !target.getNumOccurrences();
  llvm::Expected<std::vector<Target>> targets = parseTargets(here ? "native" : target.getValue());
  if (!targets)
    return usage(llvm::toString(targets.takeError()));

  parsed.input = input;
  parsed.header = header;
  parsed.verify = verify || verifySizes.getNumOccurrences();
  parsed.verifySizes = verifySizes;
  parsed.verifyDiagnostics = verifyDiagnostics;
  CompileOptions &compile = parsed.compile;
  compile.model = model;
  compile.prefix = prefix;
  compile.probes.assign(probes.begin(), probes.end());
  compile.targets = *targets;
  compile.optimise = optimise;
  compile.linker = linker;
  compile.verifyEach = verifyEach;
  compile.explain = explain;
  compile.color = wantColor();
  compile.configure = [](mlir::PassManager &passes) { return mlir::applyPassManagerCLOptions(passes); };
  if (std::optional<int> wrong = chooseDrawing())
    return wrong;
  if (std::optional<int> wrong = parsed.draw ? std::nullopt : chooseEmit())
    return wrong;
  if (std::optional<int> wrong = chooseFrom())
    return wrong;
  if (std::optional<int> wrong = choosePrecision())
    return wrong;
  if (std::optional<int> wrong = checkStage())
    return wrong;
  if (!parsed.header.empty() && parsed.emit && *parsed.emit < Phase::Heed)
    return usage(fmt::format("stage '{}' comes before the C header is known", infoOf(*parsed.emit).flag.str()));
  if (parsed.verify && parsed.emit && (*parsed.emit != Phase::SharedLibrary || parsed.output == "-"))
    return usage("--verify can only write the library that it ran; give -o FILE.so or nothing");
  if (!compile.probes.empty() && parsed.from)
    return usage("--probe needs a model file");
  if (depfile || depfileName.getNumOccurrences()) {
    if (parsed.output.empty() || parsed.output == "-")
      return usage("-MD needs an output file");
    llvm::SmallString<128> name(parsed.output);
    llvm::sys::path::replace_extension(name, ".d");
    parsed.depfile = depfileName.getNumOccurrences() ? depfileName.getValue() : name.str().str();
  }
  return std::nullopt;
}

int explainCode(StringRef name) {
  if (name.empty()) {
    for (unsigned number = 0; number < 10000; ++number)
      if (std::optional<Code> code = codeFromName(fmt::format("H{:04}", number)))
        llvm::outs() << codeName(*code) << "  " << codeSummary(*code) << "\n";
    return ExitOk;
  }
  std::optional<Code> code = codeFromName(name.str());
  if (!code)
    return usage(fmt::format("unknown code '{}'; heedc explain lists them all", name.str()));
  llvm::outs() << codeName(*code) << ": " << codeSummary(*code) << "\n\n" << codeExplanation(*code) << "\n";
  return ExitOk;
}

} // namespace heed
