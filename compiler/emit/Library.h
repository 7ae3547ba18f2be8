// Library.h - objects to self-contained libraries: everything a program needs besides libc, libm and libpthread.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace heed {

/// Where the runtime is. Looked for beside the running compiler (../lib, ../include), else where it was built.
struct Installation {
  std::string runtimeArchive; // libheedrt.a
  std::string includeDirectory;
};
Installation findInstallation(llvm::StringRef compilerPath);

/// An archive with `object` (as member `name`) and all members of the runtime archive. The bytes depend on the contents
/// only.
llvm::Expected<std::string> makeStaticLibrary(llvm::StringRef object, llvm::StringRef name,
                                              Installation const &installation);

/// Links objects and runtime into the shared library `output` with the system's linker (`linker`, or the first of cc,
/// gcc, clang). Only `exports` and the runtime's heed_* functions are visible. `soname` is the name dependents record.
llvm::Error makeSharedLibrary(llvm::ArrayRef<std::string> objects, llvm::ArrayRef<std::string> exports,
                              Installation const &installation, llvm::StringRef linker, llvm::StringRef soname,
                              llvm::StringRef output);

} // namespace heed
