// ModuleParser.cpp - directives, variables and kernel headers.
#include "test/gpusim/Parser.h"

#include "test/gpusim/Failure.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

namespace {

Type typeOfWord(Lexer &lexer, std::string_view word) {
  Type type = word.empty() || word[0] != '.' ? Type::None : typeNamed(word.substr(1));
  if (type == Type::None)
    lexer.reject("a type");
  return type;
}

void parseInitialiser(Lexer &lexer, Variable &variable, Type type) {
  unsigned size = bytesOf(type);
  auto element = [&] {
    bool negative = lexer.eat('-');
    Literal literal;
    if (!readLiteral(lexer.word(), literal))
      lexer.reject("a number (initialisers that are addresses are not supported)");
    std::uint64_t bits = negative ? -literal.bits : literal.bits;
    auto const *bytes = reinterpret_cast<std::byte const *>(&bits);
    variable.initial.insert(variable.initial.end(), bytes, bytes + size);
  };
  if (lexer.eat('{')) {
    while (!lexer.eat('}')) {
      element();
      lexer.eat(',');
    }
  } else {
    element();
  }
  variable.initial.resize(variable.size);
}

/// `.param .u64 .ptr .global .align 1 name` or `.param .align 64 .b8 name[128]`, after `.param`.
void parseParameter(Lexer &lexer, KernelText &kernel, std::uint64_t &end) {
  Variable parameter;
  parameter.space = Space::Param;
  Type type = Type::None;
  std::string name;
  bool isPointer = false;
  for (;;) {
    std::string_view word = lexer.word();
    if (word == ".align") {
      auto alignment = std::uint64_t(lexer.integer());
      if (!isPointer) // of a pointer it is what it points to
        parameter.alignment = alignment;
    } else if (word == ".ptr") {
      isPointer = true;
    } else if (word == ".global" || word == ".shared" || word == ".const" || word == ".local") {
      continue;
    } else if (!word.empty() && word[0] == '.') {
      type = typeOfWord(lexer, word);
    } else if (!word.empty()) {
      name = word;
      break;
    } else {
      lexer.reject("the name of a parameter");
    }
  }
  parameter.size = bytesOf(type);
  parameter.alignment = std::max<std::uint64_t>(parameter.alignment, parameter.size);
  if (lexer.eat('[')) {
    parameter.size *= std::uint64_t(lexer.integer());
    lexer.expect(']');
  }
  parameter.address = (end + parameter.alignment - 1) / parameter.alignment * parameter.alignment;
  end = parameter.address + parameter.size;
  kernel.parameters.push_back(name);
  kernel.variables[name] = parameter;
}

KernelText parseKernel(Lexer &lexer) {
  KernelText kernel;
  kernel.line = lexer.line();
  kernel.name = lexer.word();
  std::uint64_t parameterBytes = 0;
  if (lexer.eat('('))
    while (!lexer.eat(')')) {
      lexer.eat(',');
      if (lexer.word() != ".param")
        lexer.reject("'.param'");
      parseParameter(lexer, kernel, parameterBytes);
    }
  while (lexer.peek() == '.') {
    std::string_view directive = lexer.word();
    std::vector<unsigned> numbers;
    while (lexer.peek() != '.' && lexer.peek() != '{') {
      numbers.push_back(unsigned(lexer.integer()));
      lexer.eat(',');
    }
    numbers.resize(3, 1);
    if (directive == ".reqntid")
      std::copy_n(numbers.begin(), 3, kernel.requiredThreads);
    else if (directive == ".maxntid")
      kernel.maximumThreads = numbers[0] * numbers[1] * numbers[2];
    else if (directive != ".minnctapersm" && directive != ".maxnreg" && directive != ".noreturn")
      lexer.reject("a known directive of a kernel, not " + std::string(directive));
  }
  BodyParser(lexer, kernel).run();
  return kernel;
}

/// A function that is not a kernel. A call of it would be an unknown instruction; that it was inlined everywhere and is
/// left over is no mistake.
void skipFunction(Lexer &lexer) {
  while (lexer.peek() != '{' && lexer.peek() != ';') {
    if (lexer.word().empty() && !lexer.eat('(') && !lexer.eat(')') && !lexer.eat(',') && !lexer.eat('[') &&
        !lexer.eat(']'))
      lexer.reject("the header of a function");
  }
  if (!lexer.eat(';'))
    lexer.skipBraces();
}

} // namespace

std::pair<std::string, Variable> parseVariable(Lexer &lexer, Space space, bool isExtern) {
  Variable variable;
  variable.space = space;
  Type type = Type::None;
  std::string_view word;
  while (!(word = lexer.word()).empty() && word[0] == '.') {
    if (word == ".align")
      variable.alignment = std::uint64_t(lexer.integer());
    else
      type = typeOfWord(lexer, word);
  }
  if (word.empty() || type == Type::None)
    lexer.reject("a type and the name of a variable");
  std::string name(word);
  variable.size = bytesOf(type);
  variable.alignment = std::max<std::uint64_t>(variable.alignment, variable.size);
  while (lexer.eat('[')) {
    variable.size *= lexer.peek() == ']' ? 0 : std::uint64_t(lexer.integer());
    lexer.expect(']');
  }
  variable.dynamic = space == Space::Shared && isExtern;
  if (lexer.eat('='))
    parseInitialiser(lexer, variable, type);
  lexer.expect(';');
  return {name, std::move(variable)};
}

ModuleText parseModule(std::string_view text) {
  Lexer lexer(text);
  ModuleText module;
  bool isExtern = false;
  while (!lexer.atEnd()) {
    std::string_view word = lexer.word();
    if (word == ".target") {
      module.target = lexer.word();
      lexer.skipLine();
    } else if (word == ".version" || word == ".address_size" || word == ".file") {
      lexer.skipLine();
    } else if (word == ".visible" || word == ".weak") {
      continue;
    } else if (word == ".extern") {
      isExtern = true;
      continue;
    } else if (word == ".section") {
      lexer.word();
      lexer.skipBraces();
    } else if (word == ".shared" || word == ".global" || word == ".const") {
      Space space = word == ".shared" ? Space::Shared : word == ".global" ? Space::Global : Space::Const;
      if (isExtern && space != Space::Shared)
        lexer.reject("a definition: a variable of another module cannot be linked");
      module.variables.insert(parseVariable(lexer, space, isExtern));
    } else if (word == ".entry") {
      module.kernels.push_back(parseKernel(lexer));
    } else if (word == ".func") {
      if (isExtern)
        lexer.reject("no .extern .func: the driver could not link it");
      skipFunction(lexer);
    } else {
      lexer.reject(fmt::format("a directive, not '{}'", word));
    }
    isExtern = false;
  }
  return module;
}

} // namespace gpusim
