// Descriptor.h - the constant `<model>_program` through which the runtime knows a model.
#pragma once

#include "compiler/emit/Object.h"
#include "compiler/emit/ProgramInfo.h"

namespace heed {

/// The symbol of the descriptor.
std::string descriptorName(ProgramInfo const &program, llvm::StringRef prefix);

/// Adds the descriptor (a heed_program of runtime/include/heed/program.h) to `module`. `codes`: best first.
void addDescriptor(llvm::Module &module, ProgramInfo const &program, llvm::ArrayRef<EntryPoints> codes,
                   llvm::StringRef prefix);

/// Adds `const heed_program *heed_library_program(void)`: how a loader finds the descriptor of a shared library.
void addLibraryFunction(llvm::Module &module, ProgramInfo const &program, llvm::StringRef prefix);

} // namespace heed
