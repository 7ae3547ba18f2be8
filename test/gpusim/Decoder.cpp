// Decoder.cpp - places of operands in the register file, and the table of opcodes.
#include "test/gpusim/Decoder.h"

#include "test/gpusim/DeviceMemory.h"
#include "test/gpusim/Number.h"
#include "test/gpusim/SharedMemory.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

namespace {

DecodeTable const &decodeTable() {
  static DecodeTable const table = [] {
    DecodeTable result;
    for (auto *add : {addInteger, addBits, addFloat, addCompare, addConvert, addMove, addLoadStore, addAtomic,
                      addControl, addWarp, addCopy, addFragment, addTransactionBarrier, addWgmma, addFence})
      add(result);
    return result;
  }();
  return table;
}

std::uint64_t aligned(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

} // namespace

Decoder::Decoder(KernelText const &text, std::map<std::string, Variable> const &globals, Kernel &kernel)
    : text(text), globals(globals), variables(text.variables), kernel(kernel) {}

void Decoder::layOutVariables() {
  for (auto const &[name, global] : globals)
    variables.insert({name, global});
  std::uint64_t shared = SharedMemory::Begin, local = 0;
  std::uint64_t dynamicAlignment = 16;
  for (auto &[name, variable] : variables) {
    if (variable.space == Space::Shared && !variable.dynamic) {
      variable.address = aligned(shared, variable.alignment);
      shared = variable.address + variable.size;
    } else if (variable.space == Space::Local) {
      variable.address = aligned(local, variable.alignment);
      local = variable.address + variable.size;
    } else if (variable.dynamic) {
      dynamicAlignment = std::max(dynamicAlignment, variable.alignment);
    }
  }
  kernel.staticShared = std::uint32_t(shared - SharedMemory::Begin);
  kernel.localBytes = std::uint32_t(local);
  kernel.dynamicShared = std::uint32_t(aligned(shared, dynamicAlignment));
  for (auto &[name, variable] : variables)
    if (variable.dynamic)
      variable.address = kernel.dynamicShared;
  for (std::string const &name : text.parameters) {
    Variable const &parameter = variables.at(name);
    kernel.parameters.push_back(parameter);
    kernel.parameterBytes = std::uint32_t(parameter.address + parameter.size);
  }
}

std::uint32_t Decoder::allocate(unsigned width) {
  auto offset = std::uint32_t(aligned(kernel.initialRegisters.size(), 32));
  kernel.initialRegisters.resize(offset + 32 * width, std::byte(0));
  return offset;
}

std::uint32_t Decoder::constant(std::uint64_t bits, unsigned width) {
  if (width < 8)
    bits &= (std::uint64_t(1) << 8 * width) - 1;
  auto [found, isNew] = constants.insert({{width, bits}, 0});
  if (isNew) {
    found->second = allocate(width);
    for (unsigned lane = 0; lane < 32; ++lane)
      std::memcpy(&kernel.initialRegisters[found->second + lane * width], &bits, width);
  }
  return found->second;
}

Operand const &Decoder::operand(unsigned index) const {
  if (index >= current->operands.size())
    fail("operand {} is missing", index + 1);
  return current->operands[index];
}

void Decoder::expectOperands(unsigned least, unsigned most) const {
  if (operandCount() < least || operandCount() > most)
    fail("found {} operands, expected {}", operandCount(),
         least == most ? std::to_string(least) : fmt::format("{} to {}", least, most));
}

std::uint32_t Decoder::source(Operand const &operand, unsigned width) {
  switch (operand.kind) {
  case Operand::Kind::Register:
    if (bytesOf(operand.reg.type) != width || operand.reg.type == Type::Pred)
      fail("'{}' has {} bytes, expected {}", operand.name, bytesOf(operand.reg.type), width);
    return operand.reg.offset;
  case Operand::Kind::Immediate: {
    Literal const &literal = operand.literal;
    if (literal.kind == Literal::Kind::Double && width == 4)
      return constant(asBits(float(asDouble(literal.bits))), width);
    return constant(literal.bits, width);
  }
  case Operand::Kind::Special: {
    std::uint32_t place = allocate(width);
    kernel.specials.push_back({operand.name, {width == 8 ? Type::B64 : width == 2 ? Type::B16 : Type::B32, place}});
    return place;
  }
  case Operand::Kind::Name:
    return constant(symbolAddress(operand.name), width);
  default:
    fail("an operand is not a single value");
  }
}

std::uint32_t Decoder::result(Operand const &operand, unsigned width) {
  if (operand.kind == Operand::Kind::Sink)
    return scratch;
  if (operand.kind != Operand::Kind::Register)
    fail("a result must be a register");
  if (operand.reg.type == Type::Pred || bytesOf(operand.reg.type) != width)
    fail("'{}' has {} bytes, expected {}", operand.name, bytesOf(operand.reg.type), width);
  return operand.reg.offset;
}

std::uint32_t Decoder::predicate(Operand const &operand, Instruction &instruction, unsigned index) {
  if (operand.kind == Operand::Kind::Immediate)
    return constant(operand.literal.bits ? ~std::uint64_t(0) : 0, 4);
  if (operand.kind != Operand::Kind::Register || operand.reg.type != Type::Pred)
    fail("'{}' is no predicate", operand.name);
  if (operand.negated)
    instruction.negated |= std::uint8_t(1u << index);
  return operand.reg.offset;
}

std::uint32_t Decoder::predicateResult(Operand const &operand) {
  if (operand.kind == Operand::Kind::Sink)
    return scratch;
  if (operand.kind != Operand::Kind::Register || operand.reg.type != Type::Pred)
    fail("'{}' is no predicate", operand.name);
  return operand.reg.offset;
}

void Decoder::address(Operand const &operand, Instruction &instruction, unsigned index) {
  if (operand.kind != Operand::Kind::Address)
    fail("operand {} must be an address", index + 1);
  Operand const &base = operand.parts[0];
  instruction.offset = operand.offset;
  bool isNarrow = base.kind == Operand::Kind::Register && bytesOf(base.reg.type) == 4;
  instruction.source[index] = source(base, isNarrow ? 4 : 8);
  // Bit 4 + index: the base has 32 bits.
  instruction.negated |= std::uint8_t(isNarrow ? 16u << index : 0u);
}

std::uint32_t Decoder::anyRegister(Operand const &operand, std::uint8_t &width) const {
  if (operand.kind == Operand::Kind::Sink) {
    width = 8;
    return scratch;
  }
  if (operand.kind != Operand::Kind::Register || operand.reg.type == Type::Pred)
    fail("'{}' is no register", operand.name);
  width = std::uint8_t(bytesOf(operand.reg.type));
  return operand.reg.offset;
}

std::uint64_t Decoder::immediate(Operand const &operand) const {
  if (operand.kind != Operand::Kind::Immediate || operand.literal.kind != Literal::Kind::Integer)
    fail("an operand must be a constant integer");
  return operand.literal.bits;
}

std::uint64_t Decoder::symbolAddress(std::string const &name, Space *space) const {
  auto found = variables.find(name);
  if (found == variables.end())
    fail("'{}' is not declared", name);
  if (space)
    *space = found->second.space;
  return found->second.address;
}

std::uint32_t Decoder::label(std::string const &name) const {
  for (unsigned scope = current->scope;; scope = text.scopeParents[scope]) {
    if (auto found = text.labels.find({scope, name}); found != text.labels.end())
      return std::uint32_t(found->second);
    if (scope == 0)
      fail("there is no label '{}'", name);
  }
}

std::vector<std::string> const &Decoder::branchTable(std::string const &name) const {
  for (unsigned scope = current->scope;; scope = text.scopeParents[scope]) {
    if (auto found = text.branchTables.find({scope, name}); found != text.branchTables.end())
      return found->second;
    if (scope == 0)
      fail("there is no branch table '{}'", name);
  }
}

Instruction Decoder::decode(Statement const &statement) {
  current = &statement;
  Instruction instruction;
  instruction.line = statement.line;
  instruction.text = statement.text;
  instruction.guarded = statement.guarded;
  if (statement.guarded) {
    instruction.guard = statement.guard.reg.offset;
    instruction.guardNegated = statement.guard.negated;
  }
  auto found = decodeTable().find(statement.opcode);
  if (found == decodeTable().end())
    fail("unknown instruction '{}'", statement.opcode);
  Modifiers modifiers(statement.modifiers);
  found->second(*this, modifiers, instruction);
  modifiers.finish();
  return instruction;
}

void Decoder::run() {
  kernel.name = text.name;
  std::copy_n(text.requiredThreads, 3, kernel.requiredThreads);
  kernel.maximumThreads = text.maximumThreads;
  layOutVariables();
  // A register that is read before it is written holds a quiet NaN of an odd shape.
  kernel.initialRegisters.resize(text.registerBytes, std::byte(0));
  for (std::size_t at = 0; at + 4 <= kernel.initialRegisters.size(); at += 4) {
    std::uint32_t pattern = 0x7fc0dead;
    std::memcpy(&kernel.initialRegisters[at], &pattern, 4);
  }
  for (Register const &reg : text.registers)
    if (reg.type == Type::Pred)
      std::memset(&kernel.initialRegisters[reg.offset], 0, 4);
  scratch = allocate(16);
  for (Statement const &statement : text.statements) {
    try {
      kernel.instructions.push_back(decode(statement));
    } catch (Failure const &failure) {
      fail("kernel {}, line {}: {}: {}", text.name, statement.line, statement.text, failure.what());
    }
  }
  markMatrixRegisters();
  findReconvergence(kernel);
}

} // namespace gpusim
