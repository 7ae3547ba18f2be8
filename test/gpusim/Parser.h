// Parser.h - from text to statements.
#pragma once

#include "test/gpusim/Statement.h"

#include <map>

namespace gpusim {

/// `.align 4 .b8 name[16] = {...};` after the word that says the space, with the semicolon.
std::pair<std::string, Variable> parseVariable(Lexer &lexer, Space space, bool isExtern);

/// Parses a kernel's body, from its opening to its closing brace.
class BodyParser {
public:
  BodyParser(Lexer &lexer, KernelText &kernel) : lexer(lexer), kernel(kernel) {}
  void run();

private:
  struct Scope {
    unsigned number = 0;
    std::map<std::string, Register, std::less<>> registers;
  };

  void item();
  void declareRegisters();
  void declareVariable(Space space);
  void instruction(std::string_view mnemonic, bool guarded, Operand guard, std::size_t begin);
  void branchTable(std::string const &label);
  Operand operand();
  Operand operandWithPair();
  Operand address();
  Operand named(std::string_view word);
  Register const *findRegister(std::string_view name) const;
  Register allocate(Type type);
  void openScope();

  Lexer &lexer;
  KernelText &kernel;
  std::vector<Scope> scopes;
};

} // namespace gpusim
