// Code.h - the flat form of one equation: loops and jumps over numbered registers, subscripts resolved to strides.
//
//   score[i < n, j < m] = sum[c < 64] q[i, c] * k[j, c]  domain j <= i        (r0, r1, r2 are i, j, c)
//
//        Move r0 = 0
//   L1:  Move r1 = 0
//   L2:  Compare r3 = r1 <= r0 ; JumpIfFalse r3 -> L3
//        Dot r4 = data(q)[64 r0 + 1 c] . data(k)[64 r1 + 1 c]
//        Store data(score)[m r0 + r1] = r4
//   L3:  Next r1 < m -> L2 ; Next r0 < n -> L1
//
// Code is made for one evaluation: sizes are numbers, and reads hold pointers into the evaluation's storages.
#pragma once

#include "compiler/reference/Storage.h"

namespace heed::reference {

union Value {
  double real;
  int64_t integer; // Int, and Bool as 0 or 1
};
using Register = uint32_t;

enum class Op : uint8_t {
  Move,      // result = a
  Linear,    // result = linears[a]
  Check,     // registers[a] is inside checks[b], or the evaluation ends
  Read,      // result = the element of reads[a], a real
  ReadInt,   // the same, an integer or boolean
  RealUnary, // result = UnaryOp(kind) a
  IntUnary,
  Not,
  ToReal,
  ToInt,
  RealBinary, // result = a BinaryOp(kind) b
  IntBinary,
  RealCompare,
  IntCompare,
  Jump,        // to instruction b
  JumpIfFalse, // to b unless registers[a]
  JumpIfTrue,
  Next,     // ++result; to b while result < registers[a]
  FoldReal, // result = ReduceKind(kind) of result and a
  FoldInt,
  FoldPlaceReal, // argmax, argmin: a is the value, b the position; result, result + 1, result + 2 are best position,
                 // best value, found
  FoldPlaceInt,
  SelectBegin, // forgets what has been put in order
  SelectReal,  // puts the position b, whose value is a, in its place
  SelectInt,
  Selected, // result = the position at place a, or the evaluation ends
  Dot,      // result = sum of products dots[a]
  Recall,   // if memos[a] has the element: result = it, to b
  Remember, // memos[a] gets the element: result
  Store,    // stores[0] gets a
  End,
};

struct Instruction {
  Op op;
  uint8_t kind = 0; // UnaryOp, BinaryOp or ReduceKind
  Register result = 0;
  uint32_t a = 0, b = 0;
};

/// constant + sum of coefficient * register, terms [first, last) of Code::terms.
struct Linear {
  int64_t constant = 0;
  uint32_t first = 0, last = 0;
};
struct LinearTerm {
  int64_t coefficient;
  Register index;
};

struct Access {
  TensorId tensor;
  double *data;
  uint8_t *defined; // null: all elements are defined
  Linear position;
};
struct Check {
  TensorId tensor;
  uint32_t axis;
  int64_t low, high;  // the subscript must be in [low, high)
  bool dataDependent; // Read::checked: the data may be wrong; otherwise the program is
};
struct Dot {
  double const *left, *right;
  Linear leftPosition, rightPosition;
  int64_t leftStride, rightStride, length;
};

/// A position and its value, of a TopK.
struct Choice {
  Value value;
  int64_t position;
};

/// Values of a subexpression that depends on fewer indices than stand around it, kept so that it is computed once for
/// each.
struct Memo {
  Linear key;
  bool perStep = false; // forgotten when a recurrence takes its next step
  std::vector<Value> values;
  std::vector<uint32_t> stamps; // 0: never computed; else 1, or 1 + step when perStep
};

struct Code {
  TensorId tensor = 0;                               // what it defines, for messages
  std::vector<std::pair<IndexId, Register>> indices; // of the definition, in axis order
  std::vector<Instruction> instructions;
  std::vector<Value> registers; // initial values: constants stay as they are
  std::vector<Linear> linears;
  std::vector<LinearTerm> terms;
  std::vector<Check> checks;
  std::vector<Access> reads, stores;
  std::vector<Dot> dots;
  std::vector<Memo> memos;
  std::vector<Choice> choices; // of the TopK that runs, in order
  Register step = 0;   // the recurrence's step, set from outside; 0: none (register 0 is never used otherwise)
  Register result = 0; // of a condition
};

} // namespace heed::reference
