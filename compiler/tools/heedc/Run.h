// Run.h - one run of heedc after the command line is understood.
#pragma once

namespace heed {

/// Compiles as the command line asks; returns the exit code.
int runCompiler();

} // namespace heed
