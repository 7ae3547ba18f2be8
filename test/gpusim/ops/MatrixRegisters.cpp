// MatrixRegisters.cpp - the rules for registers that wgmma uses: no other access while an operation is under way, and
// wgmma.fence between a write and the operation that uses it.
#include "test/gpusim/Decoder.h"
#include "test/gpusim/ops/MatrixState.h"

#include <algorithm>
#include <set>

namespace gpusim {

namespace {

void collect(Operand const &operand, std::vector<std::uint32_t> &into) {
  if (operand.kind == Operand::Kind::Register && operand.reg.type != Type::Pred)
    into.push_back(operand.reg.offset);
  for (Operand const &part : operand.parts)
    collect(part, into);
}

/// Their first operand is no result.
bool hasResult(Statement const &statement) {
  static std::set<std::string, std::less<>> const without = {
      "st", "red", "cp", "bar", "barrier", "stmatrix", "prefetch", "bra", "brx", "setmaxnreg", "nanosleep"};
  if (without.contains(statement.opcode) || statement.operands.empty())
    return false;
  return statement.operands[0].kind != Operand::Kind::Address;
}

} // namespace

void Decoder::markMatrixRegisters() {
  std::map<std::uint32_t, std::uint32_t> indices; // of registers, in the order of their offsets
  for (Instruction const &i : kernel.instructions)
    for (std::uint32_t offset : i.matrixWrites)
      indices.insert({offset, 0});
  if (indices.empty())
    return;
  std::uint32_t next = 0;
  for (auto &[offset, index] : indices)
    index = next++;
  kernel.matrixRegisters = next;
  auto indexed = [&](std::vector<std::uint32_t> const &offsets) {
    std::vector<std::uint32_t> result;
    for (std::uint32_t offset : offsets)
      if (auto found = indices.find(offset); found != indices.end())
        result.push_back(found->second);
    return result;
  };
  for (std::size_t at = 0; at < kernel.instructions.size(); ++at) {
    Instruction &i = kernel.instructions[at];
    Statement const &statement = text.statements[at];
    if (statement.opcode == "wgmma") {
      i.matrixWrites = indexed(i.matrixWrites); // its own handler checks them
      continue;
    }
    std::vector<std::uint32_t> reads, writes;
    for (std::size_t index = 0; index < statement.operands.size(); ++index)
      collect(statement.operands[index], index == 0 && hasResult(statement) ? writes : reads);
    i.matrixReads = indexed(reads);
    i.matrixWrites = indexed(writes);
    i.touchesMatrix = !i.matrixReads.empty() || !i.matrixWrites.empty();
  }
}

MatrixState &matrixStateOf(Warp &warp) {
  if (!warp.matrix) {
    auto state = std::make_unique<MatrixState>();
    std::size_t count = warp.block->launch->kernel.matrixRegisters;
    state->written.assign(count, 1); // before the first of all there must be a fence
    state->busyBefore.assign(count, 0);
    warp.matrix = std::move(state);
  }
  return static_cast<MatrixState &>(*warp.matrix);
}

void checkMatrixRegisters(Warp &warp, Instruction const &i) {
  MatrixState &state = matrixStateOf(warp);
  for (std::uint32_t index : i.matrixReads)
    if (state.isBusy(index))
      fail("reads a register of a wgmma that was not waited for");
  for (std::uint32_t index : i.matrixWrites) {
    if (state.isBusy(index))
      fail("writes a register of a wgmma that was not waited for");
    // A copy from a register of a wgmma, which ptxas removes, is as old as what it copies.
    bool isCopy = i.matrixReads.size() == 1 && i.matrixWrites.size() == 1 && i.text.find("mov.") != std::string::npos;
    state.written[index] = isCopy ? state.written[i.matrixReads[0]] : 1;
  }
}

} // namespace gpusim
