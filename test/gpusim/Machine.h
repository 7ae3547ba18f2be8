// Machine.h - a launch: blocks that run one after the other, each of them warps of 32 lanes in lockstep.
#pragma once

#include "test/gpusim/DeviceMemory.h"
#include "test/gpusim/Failure.h"
#include "test/gpusim/Program.h"
#include "test/gpusim/SharedMemory.h"

#include <functional>
#include <map>
#include <random>

namespace gpusim {

/// When async operations happen, which the hardware leaves open: `Early` at once, `Late` at the last moment that their
/// completion allows.
enum class Asynchrony { Late, Early };

struct Options {
  Asynchrony asynchrony = Asynchrony::Late;
  Unwritten unwritten = Unwritten::Reject;
  unsigned seed = 0;                                       ///< of the schedule of warps; 0: in order
  std::uint64_t instructionLimit = std::uint64_t(1) << 31; ///< per launch
};

struct Statistics {
  std::uint64_t warpInstructions = 0;
};

struct Block;
struct Launch;

/// What cp.async, wgmma and bulk copies of a warp have under way; each family keeps its own.
struct AsyncState {
  virtual ~AsyncState() = default;
};

struct Warp {
  /// The lanes of `mask` go on at `pc` until they come to `end`, where the frame below goes on.
  struct Frame {
    std::uint32_t pc, end;
    Mask mask;
  };
  enum class State : std::uint8_t { Running, Waiting, Finished };

  Block *block = nullptr;
  unsigned number = 0;
  State state = State::Running;
  bool yielded = false; ///< the instruction polls something that is not there yet
  Mask alive = 0;
  std::vector<Frame> stack;
  std::vector<std::byte> registers, local;
  std::vector<std::uint8_t> localWritten;
  std::uint64_t executed = 0;
  std::unique_ptr<AsyncState> copies, matrix, bulk;

  template <class T>
  T *at(std::uint32_t offset) {
    return reinterpret_cast<T *>(registers.data() + offset);
  }
  Mask &predicate(std::uint32_t offset) { return *at<Mask>(offset); }

  /// Checked bytes of any space for one lane. `instruction` names the access in messages.
  std::byte const *load(Instruction const &instruction, Space space, std::uint64_t address, unsigned size,
                        unsigned lane);
  std::byte *store(Instruction const &instruction, Space space, std::uint64_t address, unsigned size, unsigned lane);
  /// The address that an operand gives to each lane, with its offset.
  std::uint64_t address(Instruction const &instruction, unsigned source, unsigned lane);
};

/// bar.sync and its kin: the warps that have come, and what they know.
struct NamedBarrier {
  unsigned arrived = 0, needed = 0; ///< threads
  bool everyone = false;            ///< no count was given: all warps that have not finished
  std::vector<unsigned> waiting;
  Clocks known;
};

struct TransactionBarrier;

struct Block {
  Launch *launch = nullptr;
  unsigned index[3] = {0, 0, 0};
  std::vector<Warp> warps;
  static constexpr unsigned ClusterBarrier = 16; ///< after the 16 that a program can name
  NamedBarrier barriers[ClusterBarrier + 1];
  std::map<std::uint32_t, std::unique_ptr<TransactionBarrier>> transactionBarriers;
  /// Async copies that are under way, completed in any order.
  std::vector<std::function<void()>> pending;
  std::uint64_t events = 0; ///< counts what may let another warp go on

  Block();
  ~Block();
};

struct Launch {
  DeviceMemory &memory;
  Kernel const &kernel;
  unsigned grid[3], threads[3];
  std::uint32_t dynamicShared = 0;
  std::vector<std::byte> parameters;
  Options options;
  Statistics statistics;
  SharedMemory shared;
  std::mt19937 random;

  Launch(DeviceMemory &memory, Kernel const &kernel) : memory(memory), kernel(kernel) {}
  /// Fails with the place: kernel, block, warp, lane, line and instruction.
  void run();
};

/// Calls `each` for every lane of the mask; the common case, all of them, is a loop that the compiler can vectorise.
template <class Each>
inline void forLanes(Mask mask, Each &&each) {
  if (mask == AllLanes) {
    for (unsigned lane = 0; lane < 32; ++lane)
      each(lane);
  } else {
    for (; mask; mask &= mask - 1)
      each(unsigned(__builtin_ctz(mask)));
  }
}

/// Lets the waiting warps go on if all have come.
void completeBarrier(Block &block, unsigned number);
/// The last lane of a warp has left: barriers for everyone need one warp fewer.
void leaveBarriers(Block &block);

/// Runs a warp until it waits, has nothing left to do or has used `budget` instructions.
void runWarp(Warp &warp, std::uint64_t budget);

/// An instruction failed: adds kernel, block, warp, lane, line and text to the message.
[[noreturn]] void rethrowWithPlace(Failure const &failure, Warp const &warp, Instruction const &instruction);

} // namespace gpusim
