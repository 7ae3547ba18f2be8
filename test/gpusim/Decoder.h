// Decoder.h - turns statements into instructions: what the families of operations share.
#pragma once

#include "test/gpusim/Failure.h"
#include "test/gpusim/Program.h"

#include <map>
#include <optional>

namespace gpusim {

class DeviceMemory;

/// The words after an opcode. Each must be taken by somebody: what is left over is an error, so that no meaning is
/// dropped.
class Modifiers {
public:
  explicit Modifiers(std::vector<std::string> const &words) : words(words), taken(words.size(), false) {}
  bool take(std::string_view word);
  /// The first of the words that is there, or its absence: an index into `choices`.
  std::optional<unsigned> takeOneOf(std::initializer_list<std::string_view> choices);
  /// The first word left that is a type; fails without one.
  Type takeType();
  Type takeTypeIfAny();
  bool has(std::string_view word) const;
  /// Words that begin so, like `m16n8k16`.
  std::optional<std::string> takePrefixed(std::string_view prefix);
  void finish() const;

private:
  std::vector<std::string> const &words;
  std::vector<bool> taken;
};

class Decoder {
public:
  Decoder(KernelText const &text, std::map<std::string, Variable> const &globals, Kernel &kernel);
  void run();

  // For the families: `statement` and `modifiers` are those of the instruction at hand.
  Statement const &statement() const { return *current; }
  std::size_t operandCount() const { return current->operands.size(); }
  Operand const &operand(unsigned index) const;
  void expectOperands(unsigned least, unsigned most) const;
  void expectOperands(unsigned count) const { expectOperands(count, count); }

  /// The place of a source whose values have `width` bytes: a register of that width, or a constant.
  std::uint32_t source(Operand const &operand, unsigned width);
  /// The place where results of `width` bytes go.
  std::uint32_t result(Operand const &operand, unsigned width);
  /// A predicate as source; bit `index` of instruction.negated says that it is negated.
  std::uint32_t predicate(Operand const &operand, Instruction &instruction, unsigned index);
  std::uint32_t predicateResult(Operand const &operand);
  /// The base of an address as 64-bit values, into source[index], with its offset. A 32-bit base is widened.
  void address(Operand const &operand, Instruction &instruction, unsigned index);
  /// A register of any width and that width: loads and conversions widen and narrow.
  std::uint32_t anyRegister(Operand const &operand, std::uint8_t &width) const;
  std::uint64_t immediate(Operand const &operand) const;
  std::uint64_t symbolAddress(std::string const &name, Space *space = nullptr) const;
  std::uint32_t constant(std::uint64_t bits, unsigned width);
  std::uint32_t label(std::string const &name) const;
  std::vector<std::string> const &branchTable(std::string const &name) const;
  void useSharedAccess(unsigned bytes) { kernel.sharedGranule = std::min(kernel.sharedGranule, bytes); }

private:
  void layOutVariables();
  std::uint32_t allocate(unsigned width);
  Instruction decode(Statement const &statement);
  void markMatrixRegisters();

  KernelText const &text;
  std::map<std::string, Variable> const &globals;
  std::map<std::string, Variable> variables;
  Kernel &kernel;
  Statement const *current = nullptr;
  std::map<std::pair<unsigned, std::uint64_t>, std::uint32_t> constants;
  std::uint32_t scratch = 0;
};

/// Decodes one opcode into `instruction`; the modifiers are checked by the caller to be used up.
using DecodeFunction = void (*)(Decoder &decoder, Modifiers &modifiers, Instruction &instruction);
using DecodeTable = std::map<std::string, DecodeFunction, std::less<>>;

// The families of operations, each in ops/.
void addInteger(DecodeTable &table);
void addBits(DecodeTable &table);
void addFloat(DecodeTable &table);
void addCompare(DecodeTable &table);
void addConvert(DecodeTable &table);
void addMove(DecodeTable &table);
void addLoadStore(DecodeTable &table);
void addAtomic(DecodeTable &table);
void addControl(DecodeTable &table);
void addWarp(DecodeTable &table);
void addCopy(DecodeTable &table);
void addFragment(DecodeTable &table);
void addTransactionBarrier(DecodeTable &table);
void addWgmma(DecodeTable &table);
void addFence(DecodeTable &table);

} // namespace gpusim
