// Session.h - what the phases of one compilation share: sources, IR contexts, and the messages for the user.
#pragma once

#include "compiler/frontend/Diagnostic.h"
#include "compiler/pipeline/Options.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace heed {

/// One message with its place, in the shape all phases share.
struct Message {
  enum class Severity { Error, Warning, Note, Remark } severity = Severity::Error;
  std::string file; // "": about no place in a file
  unsigned line = 0, column = 0, length = 1;
  std::string text;
};

class Session {
public:
  /// Messages go to `stream` as they come, unless it is null; all are kept in `messages()`.
  Session(CompileOptions options, llvm::raw_ostream *stream);
  ~Session();

  CompileOptions const options;
  SourceManager sources;
  Diagnostics diagnostics{sources};
  mlir::MLIRContext context;
  llvm::LLVMContext llvmContext;
  std::string inputName; // as shown in messages
  std::vector<std::string> definitions; // what can be probed, if that was asked for

  /// Prints what the front end found and keeps it. Call once, after the last phase that adds to `diagnostics`.
  void reportDiagnostics();
  void report(Message message);
  /// An error that is about no place in the source; returns failure.
  mlir::LogicalResult error(llvm::Twine const &text);
  mlir::LogicalResult error(llvm::Error problem);
  /// Fails with a message if `result` failed without one: that is a mistake of ours, not of the user.
  mlir::LogicalResult explained(mlir::LogicalResult result, llvm::StringRef phase);

  std::vector<Message> const &messages() const { return reported; }
  /// Every text read so far: the model, what it imports, the standard library. (name, text)
  std::vector<std::pair<std::string_view, std::string_view>> files() const;
  /// A failure that no user can be blamed for.
  bool internalError() const { return internal; }
  /// Switched off while the same code is lowered again for another target.
  bool remarks = true;
  /// The input is a model, not IR: malformed IR is then the compiler's fault.
  bool fromSource = true;

private:
  std::string lineOf(Message const &message) const;
  void print(Message const &message);
  void handle(mlir::Diagnostic &diagnostic);

  llvm::raw_ostream *stream;
  std::vector<Message> reported;
  bool failedOnce = false, internal = false;
  mlir::DiagnosticEngine::HandlerID handler;
};

} // namespace heed
