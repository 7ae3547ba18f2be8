// Launch.cpp - blocks in turn, and the schedule of their warps.
#include "test/gpusim/Machine.h"
#include "test/gpusim/Special.h"
#include "test/gpusim/ops/TransactionBarrier.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace gpusim {

Block::Block() = default;
Block::~Block() = default;

namespace {

/// Lanes beyond the end of the block do not exist.
Mask lanesOfWarp(unsigned number, unsigned threads) {
  unsigned left = threads - 32 * number;
  return left >= 32 ? AllLanes : (Mask(1) << left) - 1;
}

void startWarp(Block &block, unsigned number, unsigned threads) {
  Kernel const &kernel = block.launch->kernel;
  Warp &warp = block.warps[number];
  warp.block = &block;
  warp.number = number;
  warp.alive = lanesOfWarp(number, threads);
  warp.stack = {{0, ~0u, AllLanes}};
  warp.registers = kernel.initialRegisters;
  warp.local.assign(32 * kernel.localBytes, std::byte(0xff));
  warp.localWritten.assign(32 * kernel.localBytes, 0);
  for (SpecialPlace const &special : kernel.specials) {
    unsigned width = bytesOf(special.reg.type);
    for (unsigned lane = 0; lane < 32; ++lane) {
      std::uint64_t value = specialValue(special.name, warp, lane);
      std::memcpy(warp.at<std::byte>(special.reg.offset) + lane * width, &value, width);
    }
  }
}

std::string describeWaiting(Block const &block) {
  std::string text;
  for (Warp const &warp : block.warps) {
    if (warp.state == Warp::State::Finished)
      continue;
    std::uint32_t pc = warp.stack.back().pc;
    if (warp.state == Warp::State::Waiting && pc > 0)
      --pc;
    auto const &code = block.launch->kernel.instructions;
    Instruction const &i = code[std::min<std::size_t>(pc, code.size() - 1)];
    text += fmt::format("\n  warp {} at line {}: {}", warp.number, i.line, i.text);
  }
  return text;
}

/// Runs warps in turn, by slices, until all have finished. With a seed the order and the slices are random.
class Schedule {
public:
  explicit Schedule(Block &block) : block(block), launch(*block.launch), order(block.warps.size()) {
    std::iota(order.begin(), order.end(), 0u);
  }

  void run() {
    unsigned idleRounds = 0;
    while (anyLeft()) {
      std::uint64_t before = block.events;
      round();
      completeOne();
      // Polling alone changes nothing: if everybody waits or polls, nothing will happen any more.
      bool progress = block.events != before || ranOut;
      idleRounds = progress ? 0 : idleRounds + 1;
      if (idleRounds > 64)
        fail("kernel {}, block ({}, {}, {}): deadlock: no warp can go on{}", launch.kernel.name, block.index[0],
             block.index[1], block.index[2], describeWaiting(block));
    }
    completeRest();
  }

private:
  bool anyLeft() const {
    return std::any_of(block.warps.begin(), block.warps.end(),
                       [](Warp const &warp) { return warp.state != Warp::State::Finished; });
  }

  void round() {
    ranOut = false;
    if (launch.options.seed)
      std::shuffle(order.begin(), order.end(), launch.random);
    for (unsigned number : order) {
      Warp &warp = block.warps[number];
      if (warp.state != Warp::State::Running)
        continue;
      std::uint64_t budget = 100000;
      if (launch.options.seed)
        budget = launch.random() % 4 == 0 ? 5000 : launch.random() % 64 + 1;
      std::uint64_t before = warp.executed;
      runWarp(warp, budget);
      launch.statistics.warpInstructions += warp.executed - before;
      ranOut |= warp.executed - before == budget;
      if (launch.statistics.warpInstructions > launch.options.instructionLimit)
        fail("kernel {}, block ({}, {}, {}): more than {} instructions{}", launch.kernel.name, block.index[0],
             block.index[1], block.index[2], launch.options.instructionLimit, describeWaiting(block));
    }
  }

  void completeOne() {
    if (block.pending.empty())
      return;
    std::size_t which = launch.random() % block.pending.size();
    auto complete = std::move(block.pending[which]);
    block.pending.erase(block.pending.begin() + std::ptrdiff_t(which));
    complete();
    ++block.events;
  }

  /// Copies that nobody waits for still happen, though too late to be of use to this block.
  void completeRest() {
    while (!block.pending.empty())
      completeOne();
  }

  Block &block;
  Launch &launch;
  std::vector<unsigned> order;
  bool ranOut = false;
};

} // namespace

void Launch::run() {
  unsigned total = threads[0] * threads[1] * threads[2], warps = (total + 31) / 32;
  random.seed(options.seed + 1);
  shared.rejectUnwritten = options.unwritten == Unwritten::Reject;
  std::uint32_t size = kernel.staticShared;
  if (dynamicShared)
    size = kernel.dynamicShared - SharedMemory::Begin + dynamicShared;
  shared.configure(size, warps, kernel.sharedGranule);
  // Nothing may depend on the order of blocks; with a seed it is random.
  std::vector<std::uint64_t> order(std::uint64_t(grid[0]) * grid[1] * grid[2]);
  std::iota(order.begin(), order.end(), std::uint64_t(0));
  if (options.seed)
    std::shuffle(order.begin(), order.end(), random);
  memory.order.beginLaunch();
  for (std::uint64_t number : order) {
    Block block;
    block.launch = this;
    block.index[0] = unsigned(number % grid[0]);
    block.index[1] = unsigned(number / grid[0] % grid[1]);
    block.index[2] = unsigned(number / grid[0] / grid[1]);
    block.warps.resize(warps);
    memory.order.beginBlock(fmt::format("({}, {}, {})", block.index[0], block.index[1], block.index[2]));
    shared.beginBlock();
    for (unsigned warp = 0; warp < warps; ++warp)
      startWarp(block, warp, total);
    Schedule(block).run();
  }
}

} // namespace gpusim
