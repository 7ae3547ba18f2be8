// Expectations.h - `--verify-diagnostics`: comments in a file that say which messages a compilation of it must give.
//
//   x[i] = y[j]   # expected-error {{index j is not bound}}
//   # expected-error @below {{expected 128 columns, found 64 [H0203]}}
//
// Kinds: error, warning, note, remark. Places: the same line, @above, @below, @+2, @-1, @unknown (no place). The text
// in braces must be part of the message. Every error, warning and remark must be expected, and every expectation met;
// notes may be left out.
#pragma once

#include "compiler/pipeline/Session.h"

namespace heed {

/// Compares; returns one line per difference ("" if there is none). Only messages about the file `name` have places.
std::string checkExpectations(llvm::StringRef text, llvm::StringRef name, std::vector<Message> const &messages);

} // namespace heed
