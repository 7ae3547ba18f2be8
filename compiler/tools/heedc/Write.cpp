// Write.cpp - through LLVM's temporary files.
#include "compiler/tools/heedc/Write.h"

#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace heed {

mlir::LogicalResult write(Session &session, StringRef path, StringRef bytes) {
  Error problem = writeToOutput(path, [&](raw_ostream &stream) {
    stream << bytes;
    return Error::success();
  });
  if (problem)
    return session.error("cannot write '" + path + "': " + toString(std::move(problem)));
  return mlir::success();
}

} // namespace heed
