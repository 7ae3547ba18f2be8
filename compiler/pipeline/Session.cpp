// Session.cpp - messages of the front end, of MLIR and of the emitters, all in the shape of Diagnostic.h.
#include "compiler/pipeline/Session.h"

#include "compiler/pipeline/Pipeline.h"

#include "mlir/IR/Location.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace heed {
namespace {

using Severity = Message::Severity;

/// Fills in the innermost place in a file that `location` has.
void setPlace(Message &message, Location location) {
  if (auto place = dyn_cast<FileLineColRange>(location)) {
    message.file = place.getFilename().str();
    message.line = place.getStartLine();
    message.column = place.getStartColumn();
    bool oneLine = place.getEndLine() == place.getStartLine() && place.getEndColumn() > place.getStartColumn();
    message.length = oneLine ? place.getEndColumn() - place.getStartColumn() : 1;
  } else if (auto named = dyn_cast<NameLoc>(location)) {
    setPlace(message, named.getChildLoc());
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    setPlace(message, call.getCallee());
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      if (message.file.empty())
        setPlace(message, part);
  }
}

/// Remarks of the passes become messages at the user's line.
class RemarkPrinter : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit RemarkPrinter(Session &session) : session(session) {}

  void streamOptimizationRemark(remark::detail::Remark const &remark) override {
    if (!session.remarks)
      return;
    Message message{Severity::Remark, "", 0, 0, 1, ""};
    setPlace(message, remark.getLocation());
    for (remark::detail::Remark::Arg const &argument : remark.getArgs()) {
      // Streamed pieces of text come one by one, with their spaces.
      if (argument.key == "Remark")
        message.text += argument.val;
      else
        message.text += (message.text.empty() ? "" : "; ") + StringRef(argument.key).lower() + ": " + argument.val;
    }
    message.text += " [" + remark.getRemarkName().str() + "]";
    session.report(std::move(message));
  }

private:
  Session &session;
};

StringRef nameOf(Severity severity) {
  switch (severity) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Note:
    return "note";
  case Severity::Remark:
    return "remark";
  }
  llvm_unreachable("unknown severity");
}

} // namespace

Session::Session(CompileOptions givenOptions, llvm::raw_ostream *stream)
    : options(std::move(givenOptions)), context(MLIRContext::Threading::DISABLED), stream(stream) {
  registerDialects(context);
  context.printOpOnDiagnostic(false);
  handler = context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) { handle(diagnostic); });
  if (options.explain) {
    remark::RemarkCategories all;
    all.passed = all.missed = all.analysis = all.failed = ".*";
    LogicalResult enabled = remark::enableOptimizationRemarks(context, std::make_unique<RemarkPrinter>(*this),
                                                              std::make_unique<remark::RemarkEmittingPolicyAll>(), all);
    (void)enabled;
  }
}

Session::~Session() { context.getDiagEngine().eraseHandler(handler); }

void Session::handle(mlir::Diagnostic &diagnostic) {
  Message message;
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    message.severity = Severity::Error;
    break;
  case DiagnosticSeverity::Warning:
    message.severity = Severity::Warning;
    break;
  case DiagnosticSeverity::Note:
    message.severity = Severity::Note;
    break;
  case DiagnosticSeverity::Remark:
    message.severity = Severity::Remark;
    break;
  }
  message.text = diagnostic.str();
  setPlace(message, diagnostic.getLocation());
  // Verifiers speak of operations ("'tensor.extract' op ..."); nothing a user writes may lead there.
  if (fromSource && message.severity == Severity::Error && StringRef(message.text).starts_with("'"))
    internal = true;
  report(std::move(message));
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    handle(note);
}

void Session::reportDiagnostics() {
  if (stream && diagnostics.failed())
    *stream << diagnostics.print(options.color);
  auto keep = [&](Severity severity, ast::Range range, std::string text) {
    LineColumn place = sources.locate(range.first);
    reported.push_back({severity, std::string(place.file), place.line, place.column, 1, std::move(text)});
  };
  for (heed::Diagnostic const &found : diagnostics.all()) {
    keep(Severity::Error, found.range, found.text + " [" + std::string(codeName(found.code)) + "]");
    if (found.note)
      keep(Severity::Note, found.note->range, found.note->text);
  }
  failedOnce |= diagnostics.failed();
}

void Session::report(Message message) {
  failedOnce |= message.severity == Severity::Error;
  if (stream)
    print(message);
  reported.push_back(std::move(message));
}

LogicalResult Session::error(llvm::Twine const &text) {
  report({Severity::Error, "", 0, 0, 1, text.str()});
  return failure();
}

LogicalResult Session::error(llvm::Error problem) { return error(llvm::toString(std::move(problem))); }

LogicalResult Session::explained(LogicalResult result, StringRef phase) {
  if (succeeded(result) || failedOnce)
    return result;
  internal = true;
  return error("the phase '" + phase + "' failed without saying why");
}

std::vector<std::pair<std::string_view, std::string_view>> Session::files() const {
  std::vector<std::pair<std::string_view, std::string_view>> result;
  // Texts follow each other in the offset space, one past the end being a position too.
  for (uint32_t base = 1; sources.baseAt(base) == base; base += sources.textAt(base).size() + 1)
    result.push_back({sources.nameAt(base), sources.textAt(base)});
  return result;
}

/// The line a message is about: of a text of this compilation, or of IR that was read from a file.
std::string Session::lineOf(Message const &message) const {
  std::string text;
  for (auto [name, contents] : files())
    if (name == message.file)
      text = contents;
  if (text.empty())
    if (auto buffer = llvm::MemoryBuffer::getFile(message.file, /*IsText=*/true))
      text = (*buffer)->getBuffer().str();
  SmallVector<StringRef> lines;
  StringRef(text).split(lines, '\n', message.line);
  return message.line >= 1 && message.line <= lines.size() ? lines[message.line - 1].rtrim('\r').str() : "";
}

void Session::print(Message const &message) {
  auto paint = [&](StringRef code, StringRef text) {
    return options.color ? ("\033[" + code + "m" + text + "\033[0m").str() : text.str();
  };
  StringRef tint = message.severity == Severity::Error     ? "1;31"
                   : message.severity == Severity::Warning ? "1;35"
                   : message.severity == Severity::Remark  ? "1;34"
                                                           : "1;36";
  std::string place = message.file.empty() ? "heedc" : message.file;
  if (message.line)
    place += ":" + std::to_string(message.line) + ":" + std::to_string(message.column);
  *stream << paint("1", place + ": ") << paint(tint, (nameOf(message.severity) + ": ").str()) << message.text << "\n";
  std::string line = message.line ? lineOf(message) : "";
  if (line.empty())
    return;
  // The caret stands under a code point, and tabs stay tabs.
  std::string caret;
  size_t at = 0;
  for (unsigned column = 1; column < message.column && at < line.size(); ++column) {
    caret += line[at] == '\t' ? '\t' : ' ';
    do
      ++at;
    while (at < line.size() && (line[at] & 0xC0) == 0x80);
  }
  size_t room = line.size() > at ? line.size() - at : 1;
  caret += paint("1;32", "^" + std::string(std::min<size_t>(message.length, room) - 1, '~'));
  *stream << "  " << line << "\n  " << caret << "\n";
}

} // namespace heed
