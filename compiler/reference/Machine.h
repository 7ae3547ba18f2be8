// Machine.h - executes Code.
#pragma once

#include "compiler/reference/Arithmetic.h"
#include "compiler/reference/Code.h"

namespace heed::reference {

/// Runs `code` to its end; returns registers[code.result]. `step` is the recurrence's step, if it is part of one.
/// Throws EvaluationError where the equation has no value.
template <typename Arithmetic>
Value execute(Program const &program, Code &code, Arithmetic &arithmetic, int64_t step);

extern template Value execute(Program const &, Code &, ExactArithmetic &, int64_t);
extern template Value execute(Program const &, Code &, SingleArithmetic &, int64_t);
extern template Value execute(Program const &, Code &, RandomArithmetic &, int64_t);

} // namespace heed::reference
