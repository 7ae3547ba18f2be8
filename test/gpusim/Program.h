// Program.h - kernels decoded into flat instructions, which is what runs.
#pragma once

#include "test/gpusim/Statement.h"

#include <bitset>
#include <memory>
#include <string>
#include <vector>

namespace gpusim {

class DeviceMemory;
struct Warp;
struct Instruction;

/// One bit per lane.
using Mask = std::uint32_t;
constexpr Mask AllLanes = ~Mask(0);

/// Executes an instruction for the lanes of `mask`, at least one.
using Handler = void(Warp &warp, Instruction const &instruction, Mask mask);

/// What only one family of instructions needs.
struct Payload {
  virtual ~Payload() = default;
};

struct Instruction {
  enum class Flow : std::uint8_t { Next, Branch, BranchTable, Exit };

  Handler *run = nullptr;
  std::uint32_t result = 0, secondResult = 0; ///< byte offsets in the register file; a sink has a place of its own
  std::uint32_t source[4] = {0, 0, 0, 0};     ///< likewise: immediates and special registers have places there
  std::int64_t offset = 0;                    ///< of an address
  std::vector<std::uint32_t> list;            ///< the registers of a vector operand, or the targets of a branch table
  std::vector<std::uint8_t> widths;           ///< of the registers in `list`, in bytes
  std::unique_ptr<Payload> payload;
  std::uint32_t guard = 0, target = 0, reconvergence = 0, line = 0;
  std::uint32_t immediate = 0; ///< meaning depends on the handler
  Flow flow = Flow::Next;
  Space space = Space::Generic;
  Type type = Type::None;
  std::uint8_t width = 0;   ///< of one element of a memory access, in bytes
  std::uint8_t negated = 0; ///< bit i: predicate source[i] is negated
  bool guarded = false, guardNegated = false;
  bool aligned = false;       ///< all lanes of the warp must take part
  bool strong = false;        ///< a memory access that others may make at the same time
  bool touchesMatrix = false; ///< reads or writes a register that some wgmma uses
  std::vector<std::uint32_t> matrixReads, matrixWrites;
  std::string text;
};

/// A special register and its place in the register file, filled when a warp starts.
struct SpecialPlace {
  std::string name;
  Register reg;
};

struct Kernel {
  std::string name;
  std::vector<Instruction> instructions;
  std::vector<std::byte> initialRegisters; ///< constants in their places, a pattern that no program wants elsewhere
  std::vector<SpecialPlace> specials;
  std::vector<Variable> parameters; ///< in order
  std::uint32_t parameterBytes = 0, staticShared = 0, localBytes = 0;
  std::uint32_t dynamicShared = 0; ///< where dynamic shared memory begins
  unsigned requiredThreads[3] = {0, 0, 0};
  unsigned maximumThreads = 0;
  std::uint32_t matrixRegisters = 0; ///< how many registers wgmma instructions use
  unsigned sharedGranule = 4;        ///< the smallest access that may go to shared memory, in bytes
};

/// Global variables take memory of `memory` for good.
struct Module {
  std::vector<std::unique_ptr<Kernel>> kernels;
  std::map<std::string, Variable> globals;
  std::string target; ///< sm_80, sm_90a
};
std::unique_ptr<Module> loadModule(std::string_view text, DeviceMemory &memory);

/// Finds for each conditional branch where its paths meet again: the immediate post-dominator.
void findReconvergence(Kernel &kernel);

} // namespace gpusim
