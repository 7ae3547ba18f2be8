// Statement.h - a kernel as its text has it: statements with named operands, before decoding.
#pragma once

#include "test/gpusim/Lexer.h"
#include "test/gpusim/Type.h"

#include <map>
#include <string>
#include <vector>

namespace gpusim {

/// A place in the register file that every lane has one of.
struct Register {
  Type type = Type::None;
  std::uint32_t offset = 0; ///< bytes from the start of a warp's register file
};

struct Operand {
  enum class Kind {
    Sink,      ///< `_`
    Register,  ///< `%r1`, `!%p1`
    Immediate, ///< `-3`, `0f3F800000`
    Special,   ///< `%tid.x`
    Name,      ///< a variable, parameter or label
    Vector,    ///< `{%r1, %r2}`
    Pair,      ///< `%p1|%p2`
    Address,   ///< `[%rd1+8]`, `[%rd1, {%r1, %r2}]`: the base, then what follows the comma
  };
  Kind kind = Kind::Sink;
  Register reg;
  bool negated = false; ///< `!` before a predicate
  Literal literal;
  std::string name;
  std::int64_t offset = 0;
  std::vector<Operand> parts;
};

struct Statement {
  std::string opcode;                 ///< up to the first dot
  std::vector<std::string> modifiers; ///< the words after it
  std::vector<Operand> operands;
  bool guarded = false;
  Operand guard;
  unsigned line = 0, scope = 0;
  std::string text; ///< on one line, for messages
};

/// A variable: at module level, of a kernel (`.shared`, `.local`), or a parameter.
struct Variable {
  Space space = Space::Generic;
  std::uint64_t size = 0, alignment = 1;
  bool dynamic = false; ///< `.extern .shared x[]`: begins where the static shared memory ends
  std::vector<std::byte> initial;
  std::uint64_t address = 0; ///< in its space; of a generic address for Global and Const
};

struct KernelText {
  std::string name;
  unsigned line = 0;
  std::map<std::string, Variable> variables; ///< parameters and what the body declares
  std::vector<std::string> parameters;       ///< in order
  std::vector<Statement> statements;
  /// Labels by scope and name: the statement that follows. Scope 0 is the body; an inline-asm block opens one.
  std::map<std::pair<unsigned, std::string>, std::size_t> labels;
  std::map<std::pair<unsigned, std::string>, std::vector<std::string>> branchTables;
  std::vector<unsigned> scopeParents;
  std::vector<Register> registers;
  std::uint32_t registerBytes = 0; ///< of the register file so far
  unsigned requiredThreads[3] = {0, 0, 0};
  unsigned maximumThreads = 0;
};

struct ModuleText {
  std::string target;
  std::map<std::string, Variable> variables;
  std::vector<KernelText> kernels;
};

/// Fails with the line where the text is not PTX that this simulator knows.
ModuleText parseModule(std::string_view text);

} // namespace gpusim
