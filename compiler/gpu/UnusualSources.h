// UnusualSources.h - infinities and NaNs among the values that are summed, apart from the numbers.
//
// A product on tensor cores multiplies every weight of a tile, those of 0 behind the mask too, and 0 times infinity is NaN. So
// numbers and others are summed apart: the others are counted by kind, over the weights that are not 0, with powers of 256 for
// the kinds; a tile has fewer keys than that, and the sums are exact in f32.
#pragma once

#include "compiler/gpu/TensorCore.h"

namespace heed::device {

class UnusualSources {
public:
  UnusualSources(Emit &emit, mlir::Type element) : emit(emit), core(emit), element(element) {}

  /// A pair with 0 in place of infinities and NaNs; remembers whether there were any.
  Value without(Value pair);
  Value found();
  /// A word of a pair, of which `marksOnly` keeps bits where the pair has one: cheap to look through many.
  Value marks(Value pair);
  Value marksOnly(Value marks);
  Value isUnusual(Value pair, unsigned which);
  /// The kind of an f32: 0 for numbers, otherwise a power of 256.
  Value kind(Value value);
  /// A pair of the kinds of a pair.
  Value kinds(Value pair);
  /// 1 for weights that are not 0.
  Value indicator(Value weight);
  /// What the sum of the kinds stands for: 0, an infinity or NaN.
  Value valueOf(Value count);

private:
  Emit &emit;
  TensorCore core;
  mlir::Type element;
  Value any;
};

} // namespace heed::device
