// Integer.h - add, sub, mul, min and max are shared by integers and floats: the integers' side.
#pragma once

#include "test/gpusim/Decoder.h"

namespace gpusim {

/// u16x2 and s16x2; false if the type is another.
bool decodePackedAdd(Decoder &decoder, Modifiers &modifiers, Instruction &i);
bool decodePackedMin(Decoder &decoder, Modifiers &modifiers, Instruction &i);
bool decodePackedMax(Decoder &decoder, Modifiers &modifiers, Instruction &i);
void decodeIntegerAdd(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type);
void decodeIntegerSub(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type);
void decodeIntegerMul(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type);
void decodeIntegerDiv(Decoder &decoder, Instruction &i, Type type);
void decodeIntegerMin(Decoder &decoder, Instruction &i, Type type);
void decodeIntegerMax(Decoder &decoder, Instruction &i, Type type);
void decodeIntegerNeg(Decoder &decoder, Instruction &i, Type type);
void decodeIntegerAbs(Decoder &decoder, Instruction &i, Type type);

} // namespace gpusim
