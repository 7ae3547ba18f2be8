#include "test/gpusim/ops/Spaces.h"
namespace gpusim {
void addWgmma(DecodeTable &) {}
void checkMatrixRegisters(Warp &, Instruction const &) {}
void Decoder::markMatrixRegisters() {}
}
