// Run.cpp - the loop that executes the instructions of a warp.
#include "test/gpusim/Machine.h"

#include <algorithm>

namespace gpusim {

namespace {

Mask guardedMask(Warp &warp, Instruction const &i, Mask mask) {
  if (!i.guarded)
    return mask;
  Mask guard = warp.predicate(i.guard);
  return mask & (i.guardNegated ? ~guard : guard);
}

void branch(Warp &warp, Instruction const &i, std::uint32_t pc, Mask mask, Mask taken) {
  Warp::Frame &frame = warp.stack.back();
  if (taken == mask) {
    frame.pc = i.target;
  } else if (taken == 0) {
    frame.pc = pc + 1;
  } else {
    std::uint32_t meeting = i.reconvergence;
    frame.pc = meeting;
    // A path that leads straight to the meeting point has nothing to do before it.
    if (pc + 1 != meeting)
      warp.stack.push_back({pc + 1, meeting, mask & ~taken});
    if (i.target != meeting)
      warp.stack.push_back({i.target, meeting, taken});
  }
}

void branchByTable(Warp &warp, Instruction const &i, std::uint32_t pc, Mask mask, Mask taken) {
  auto const *index = warp.at<std::uint32_t>(i.source[0]);
  std::map<std::uint32_t, Mask> paths;
  forLanes(taken, [&](unsigned lane) {
    if (index[lane] >= i.list.size())
      failAt(lane, "branch table index {} of {}", index[lane], i.list.size());
    paths[i.list[index[lane]]] |= Mask(1) << lane;
  });
  if (mask & ~taken)
    paths[pc + 1] |= mask & ~taken;
  if (paths.size() == 1) {
    warp.stack.back().pc = paths.begin()->first;
    return;
  }
  warp.stack.back().pc = i.reconvergence;
  for (auto const &[target, lanes] : paths)
    if (target != i.reconvergence)
      warp.stack.push_back({target, i.reconvergence, lanes});
}

void exitLanes(Warp &warp, std::uint32_t pc, Mask leaving) {
  warp.alive &= ~leaving;
  warp.stack.back().pc = pc + 1;
  ++warp.block->events;
  if (warp.alive == 0) {
    warp.state = Warp::State::Finished;
    leaveBarriers(*warp.block);
  }
}

} // namespace

void checkMatrixRegisters(Warp &warp, Instruction const &instruction);

void rethrowWithPlace(Failure const &failure, Warp const &warp, Instruction const &i) {
  Block const &block = *warp.block;
  auto lane = failure.lane >= 0 ? fmt::format(", lane {}", failure.lane) : std::string();
  throw Failure(fmt::format("kernel {}, block ({}, {}, {}), warp {}{}, line {}: {}\n  {}", block.launch->kernel.name,
                            block.index[0], block.index[1], block.index[2], warp.number, lane, i.line, failure.what(),
                            i.text),
                failure.lane);
}

void runWarp(Warp &warp, std::uint64_t budget) {
  auto const &code = warp.block->launch->kernel.instructions;
  warp.yielded = false;
  for (; budget > 0 && warp.state == Warp::State::Running && !warp.yielded; --budget) {
    while (warp.stack.size() > 1 &&
           ((warp.stack.back().mask & warp.alive) == 0 || warp.stack.back().pc == warp.stack.back().end))
      warp.stack.pop_back();
    Warp::Frame &frame = warp.stack.back();
    std::uint32_t pc = frame.pc;
    Mask mask = frame.mask & warp.alive;
    if (pc >= code.size())
      throw Failure(fmt::format("kernel {}: the code ends without ret", warp.block->launch->kernel.name));
    Instruction const &i = code[pc];
    Mask active = guardedMask(warp, i, mask);
    ++warp.executed;
    try {
      switch (i.flow) {
      case Instruction::Flow::Next:
        frame.pc = pc + 1;
        if (active) {
          if (i.aligned && active != warp.alive)
            fail("an .aligned instruction in divergent code: lanes {:#x} of {:#x}", active, warp.alive);
          if (i.touchesMatrix)
            checkMatrixRegisters(warp, i);
          i.run(warp, i, active);
        }
        break;
      case Instruction::Flow::Branch:
        branch(warp, i, pc, mask, active);
        break;
      case Instruction::Flow::BranchTable:
        branchByTable(warp, i, pc, mask, active);
        break;
      case Instruction::Flow::Exit:
        exitLanes(warp, pc, active);
        break;
      }
    } catch (Failure const &failure) {
      rethrowWithPlace(failure, warp, i);
    }
  }
}

} // namespace gpusim
