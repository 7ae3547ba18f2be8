// MatrixState.h - the wgmma operations of a warp that are under way, and the registers that belong to them meanwhile.
#pragma once

#include "test/gpusim/Machine.h"

namespace gpusim {

struct MatrixState : AsyncState {
  struct Operation {
    std::uint64_t group;
    std::uint32_t stamp;       ///< of its reads of shared memory
    std::function<void()> run; ///< empty if it has run
  };
  std::vector<Operation> operations; ///< in order
  std::uint64_t committed = 0, completed = 0;
  /// Of each register that some wgmma of the kernel uses: written since the last wgmma.fence.
  std::vector<std::uint8_t> written;
  /// Likewise: the first group after which no operation uses it.
  std::vector<std::uint64_t> busyBefore;

  bool isBusy(std::uint32_t index) const { return busyBefore[index] > completed; }
};

MatrixState &matrixStateOf(Warp &warp);

} // namespace gpusim
