// BodyParser.cpp - the statements of a kernel.
#include "test/gpusim/Failure.h"
#include "test/gpusim/Parser.h"
#include "test/gpusim/Special.h"

#include <algorithm>
#include <cctype>

namespace gpusim {

Register BodyParser::allocate(Type type) {
  // A predicate is one bit per lane; of everything else every lane has its own copy.
  std::uint32_t size = type == Type::Pred ? 4 : 32 * bytesOf(type);
  std::uint32_t alignment = type == Type::Pred ? 4 : 32;
  Register result{type, (kernel.registerBytes + alignment - 1) / alignment * alignment};
  kernel.registerBytes = result.offset + size;
  kernel.registers.push_back(result);
  return result;
}

void BodyParser::openScope() {
  unsigned number = unsigned(kernel.scopeParents.size());
  kernel.scopeParents.push_back(scopes.empty() ? 0 : scopes.back().number);
  scopes.push_back({number, {}});
}

void BodyParser::run() {
  lexer.expect('{');
  openScope();
  while (!scopes.empty()) {
    if (lexer.atEnd())
      lexer.reject("'}'");
    if (lexer.eat('}'))
      scopes.pop_back();
    else if (lexer.eat('{'))
      openScope();
    else if (!lexer.eat(';'))
      item();
  }
}

void BodyParser::item() {
  lexer.peek();
  std::size_t begin = lexer.position();
  bool guarded = lexer.eat('@');
  Operand guard;
  if (guarded) {
    bool negated = lexer.eat('!');
    guard = named(lexer.word());
    guard.negated = negated;
    if (guard.kind != Operand::Kind::Register || guard.reg.type != Type::Pred)
      lexer.reject("a predicate after '@'");
  }
  std::string_view word = lexer.word();
  if (word.empty())
    lexer.reject("an instruction");
  if (word == ".reg")
    return declareRegisters();
  if (word == ".shared" || word == ".local")
    return declareVariable(word == ".shared" ? Space::Shared : Space::Local);
  if (word == ".loc" || word == ".file")
    return lexer.skipLine();
  if (word == ".pragma") {
    lexer.quoted();
    return lexer.expect(';');
  }
  if (lexer.eat(':')) {
    std::string label(word);
    if (lexer.peekWord() == ".branchtargets")
      return branchTable(label);
    if (!kernel.labels.insert({{scopes.back().number, label}, kernel.statements.size()}).second)
      lexer.reject("a new label, not " + label);
    return;
  }
  instruction(word, guarded, std::move(guard), begin);
}

void BodyParser::declareRegisters() {
  std::string_view word = lexer.word();
  Type type = word.empty() ? Type::None : typeNamed(word.substr(1));
  if (type == Type::None)
    lexer.reject("a type of registers");
  do {
    std::string name(lexer.word());
    if (!lexer.eat('<')) {
      scopes.back().registers[name] = allocate(type);
      continue;
    }
    auto count = lexer.integer();
    lexer.expect('>');
    for (std::int64_t number = 0; number < count; ++number)
      scopes.back().registers[name + std::to_string(number)] = allocate(type);
  } while (lexer.eat(','));
  lexer.expect(';');
}

void BodyParser::declareVariable(Space space) {
  if (!kernel.variables.insert(parseVariable(lexer, space, false)).second)
    lexer.reject("a variable that does not exist yet");
}

void BodyParser::branchTable(std::string const &label) {
  lexer.word();
  auto &targets = kernel.branchTables[{scopes.back().number, label}];
  do
    targets.emplace_back(lexer.word());
  while (lexer.eat(','));
  lexer.expect(';');
}

Register const *BodyParser::findRegister(std::string_view name) const {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
    if (auto found = scope->registers.find(name); found != scope->registers.end())
      return &found->second;
  return nullptr;
}

Operand BodyParser::named(std::string_view word) {
  Operand result;
  result.name = word;
  Literal literal;
  if (word == "_") {
    result.kind = Operand::Kind::Sink;
  } else if (Register const *found = findRegister(word)) {
    result.kind = Operand::Kind::Register;
    result.reg = *found;
  } else if (readLiteral(word, literal)) {
    result.kind = Operand::Kind::Immediate;
    result.literal = literal;
  } else if (isSpecial(word)) {
    result.kind = Operand::Kind::Special;
  } else if (word.empty() || word[0] == '%') {
    lexer.reject(fmt::format("an operand; '{}' is not declared", word));
  } else {
    result.kind = Operand::Kind::Name;
  }
  return result;
}

Operand BodyParser::address() {
  Operand result;
  result.kind = Operand::Kind::Address;
  lexer.expect('[');
  result.parts.push_back(operand());
  for (;;) {
    if (lexer.eat('+'))
      result.offset += lexer.integer();
    else if (lexer.eat('-'))
      result.offset -= lexer.integer();
    else if (lexer.eat(','))
      result.parts.push_back(operand());
    else
      break;
  }
  lexer.expect(']');
  return result;
}

Operand BodyParser::operand() {
  char next = lexer.peek();
  if (next == '[')
    return address();
  Operand result;
  if (lexer.eat('{')) {
    result.kind = Operand::Kind::Vector;
    while (!lexer.eat('}')) {
      result.parts.push_back(operand());
      lexer.eat(',');
    }
    return result;
  }
  bool minus = lexer.eat('-'), negated = !minus && lexer.eat('!');
  result = named(lexer.word());
  if (minus) {
    if (result.kind != Operand::Kind::Immediate)
      lexer.reject("a number after '-'");
    using Kind = Literal::Kind;
    std::uint64_t &bits = result.literal.bits;
    bits = result.literal.kind == Kind::Integer ? -bits
           : result.literal.kind == Kind::Float ? bits ^ 0x80000000u
                                                : bits ^ 0x8000000000000000u;
  }
  result.negated = negated;
  return result;
}

Operand BodyParser::operandWithPair() {
  Operand first = operand();
  if (!lexer.eat('|'))
    return first;
  Operand pair;
  pair.kind = Operand::Kind::Pair;
  pair.parts.push_back(std::move(first));
  pair.parts.push_back(operand());
  return pair;
}

void BodyParser::instruction(std::string_view mnemonic, bool guarded, Operand guard, std::size_t begin) {
  Statement statement;
  statement.line = lexer.line();
  statement.scope = scopes.back().number;
  statement.guarded = guarded;
  statement.guard = std::move(guard);
  std::size_t dot = mnemonic.find('.');
  statement.opcode = mnemonic.substr(0, dot);
  while (dot != mnemonic.npos) {
    std::size_t next = mnemonic.find('.', dot + 1);
    statement.modifiers.emplace_back(mnemonic.substr(dot + 1, next == mnemonic.npos ? mnemonic.npos : next - dot - 1));
    dot = next;
  }
  while (lexer.peek() != ';') {
    statement.operands.push_back(operandWithPair());
    if (!lexer.eat(','))
      break;
  }
  lexer.expect(';');
  // The text on one line, as messages show it.
  for (char c : lexer.from(begin)) {
    bool blank = std::isspace(static_cast<unsigned char>(c));
    if (!blank)
      statement.text += c;
    else if (!statement.text.empty() && statement.text.back() != ' ')
      statement.text += ' ';
  }
  kernel.statements.push_back(std::move(statement));
}

} // namespace gpusim
