// Program.h - a checked model: everything the language has to say about it, and nothing of its syntax.
//
// The checker inlines functions and layers, unrolls `repeat`, gives every parameter its path, resolves every size, and
// writes every definition as a scalar equation over explicit indices:
//
//   score[i, j] = dot(q[i], k[j]) / sqrt(d)  where j <= i
//     -> score[i < n, j < n] = (sum[c < 64] q[i, c] * k[j, c]) / 8   domain j <= i
//
// Both consumers start here: the reference interpreter evaluates it, the importer writes it as the heed dialect.
// Neither sees the other, and neither sees syntax.
//
// Invariants (the checker establishes them, `verify` in Verify.cpp asserts them):
//   (P1) every tensor is defined once; `steps` lists definitions before their readers, apart from recurrences;
//   (P2) every expression has as many subscripts on a read as the tensor has axes;
//   (P3) an index variable is bound by its definition, its reduction, or its recurrence;
//   (P4) `domain` is the whole domain: the `where` and the definedness of everything read. Null means everywhere;
//   (P5) every read inside a domain is in bounds, except through a data-dependent subscript (`Read::checked`), which
//   the
//        generated code must check before it reads;
//   (P6) operands of arithmetic have equal types; conversions are explicit (UnaryOp::ToReal, ToInt, ...);
//   (P7) a TopK is the whole value of a definition, and its rank is the last index of that definition.
#pragma once

#include "compiler/frontend/Ast.h"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace heed {

/// Element types. Index expressions have type Int (64 bits when evaluated; stored as i32).
enum class Element : uint8_t { F32, F64, F16, BF16, I32, I8, Bool };

/// A run-time size of the model: `dim n <= 4096`, or the length of an output that ends with `until`.
struct Dim {
  std::string name;
  int64_t maximum = -1;   // -1: unbounded
  int64_t minimum = 0;    // inferred: a read at a constant position (`h[0]`) outside every `where` needs the axis to be
                          // that long; the runtime refuses smaller inputs
  bool fromUntil = false; // set by the run: the number of steps a recurrence took
  ast::Range range;
};
using DimId = uint32_t;

/// A size, affine in the run-time sizes: constant + sum of coefficient * dim. Terms sorted by dim, no zero
/// coefficients.
struct Size {
  struct Term {
    DimId dim;
    int64_t coefficient;
    bool operator==(Term const &) const = default;
  };
  int64_t constant = 0;
  std::vector<Term> terms;
  bool isConstant() const { return terms.empty(); }
  bool operator==(Size const &) const = default;
};

using TensorId = uint32_t;
using IndexId = uint32_t;

/// An index variable: unique within the program, ranges over [0, size).
struct IndexVariable {
  std::string name;
  Size size;
};

struct Expr;
using ExprPtr = std::shared_ptr<Expr const>; // shared subtrees are allowed; consumers may memoise by pointer

enum class UnaryOp : uint8_t {
  Negate,
  Not,
  Abs,
  Exp,
  Log,
  Sqrt,
  Rsqrt,
  Sin,
  Cos,
  Tanh,
  Erf,
  Sigmoid,
  Floor,
  Ceil,
  Round,
  ToReal, // Int or Bool -> F32
  ToInt,  // F32 -> Int, toward zero; Bool -> Int
};
enum class BinaryOp : uint8_t {
  Add,
  Subtract,
  Multiply,
  Divide,    // real: IEEE; Int: floor division
  Remainder, // Int: has the sign of the divisor (floor); real: x - floor(x / y) * y
  Power,
  Minimum,
  Maximum,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual, // -> Bool
  And,
  Or, // Bool; the right side is evaluated only if needed
};
enum class ReduceKind : uint8_t { Sum, Product, Max, Min, ArgMax, ArgMin, Any, All, TopK };

/// The scalar type of an expression. Real is f32 arithmetic in compiled code and f64 in the interpreter.
enum class Scalar : uint8_t { Real, Int, Bool };

/// A scalar expression.
struct Expr {
  struct RealConstant {
    double value;
  };
  struct IntConstant {
    int64_t value;
  };
  struct BoolConstant {
    bool value;
  };
  struct IndexValue {
    IndexId index;
  }; // Int
  struct SizeValue {
    Size size;
  }; // Int
  struct Read {
    TensorId tensor;
    std::vector<ExprPtr> subscripts; // Int
    bool checked = false;            // some subscript depends on data and is not proved in bounds
  };
  struct Unary {
    UnaryOp op;
    ExprPtr operand;
  };
  struct Binary {
    BinaryOp op;
    ExprPtr left, right;
  };
  struct Select {
    ExprPtr condition, ifTrue, ifFalse;
  }; // evaluates only the chosen side
  /// Over all values of `indices` inside `domain` (null: all). Empty: Sum, ArgMax, ArgMin, Any 0; Product, All 1; Max
  /// -inf; Min +inf. ArgMax and ArgMin bind one index and give the first position.
  /// TopK binds one index and gives the position that comes at place `rank` (from 0) if the positions inside the domain
  /// are put in order: larger values first, NaN last, the lower position first among equals. It has a value only if
  /// more than `rank` positions are inside.
  struct Reduce {
    ReduceKind kind;
    std::vector<IndexId> indices;
    ExprPtr domain, body;
    ExprPtr rank = nullptr; // of TopK
  };

  Scalar type = Scalar::Real;
  ast::Range range;
  std::variant<RealConstant, IntConstant, BoolConstant, IndexValue, SizeValue, Read, Unary, Binary, Select, Reduce>
      node;
};

enum class TensorKind : uint8_t { Input, Param, Defined };

/// Anything with storage. A Defined tensor of a recurrence has its time axis at `Definition::timeAxis`.
struct Tensor {
  std::string name; // as in the source; inlined definitions are "attend.score", "block.3.attend.score"; unique
  TensorKind kind = TensorKind::Defined;
  Element element = Element::F32;
  std::vector<Size> shape;
  std::string from;     // Param: the name in a weights file ("" means `name`)
  std::string alphabet; // Input or output text: character k of the alphabet is the value k ("" means numbers)
  ast::Range range;
};

/// `tensor[indices...] = value` on `domain`. If `softmaxAxis >= 0` the value is normalised along that axis:
/// exp(v - max) / sum(exp(v - max)) over the elements inside the domain; rows without any give 0 everywhere.
struct Definition {
  TensorId tensor = 0;
  std::vector<IndexId> indices; // one per axis
  ExprPtr domain;               // Bool, null: everywhere
  ExprPtr value;
  int softmaxAxis = -1;
  int timeAxis = -1; // member of a recurrence: the axis of its step
};

/// The value of a recurrence member before its first step: `s[-1] = ...` has offset -1 (`s[n] = ...` of a backward
/// recurrence: 0 counted from the end). `indices` has one index per axis other than the time axis.
struct Start {
  TensorId tensor = 0;
  int64_t offset = -1;
  std::vector<IndexId> indices;
  ExprPtr value;
};

/// Definitions that depend on earlier steps of each other. All members of step t are evaluated, in order, before step t
/// + 1. A member may be read at t itself (if it stands earlier in `members`), and at t - 1 ... t - history (t + 1 ...
/// when backward); before the first step the Start values are read. If `until` is set, the recurrence ends after the
/// first step at which it is true; `length` then is the largest number of steps and `lengthDim` the dim that receives
/// the number taken.
struct Recurrence {
  IndexId step = 0; // bound in all members (each Definition's index at timeAxis is this one)
  Size length;
  bool backward = false;
  std::vector<Start> starts;
  std::vector<Definition> members;
  ExprPtr until;
  DimId lengthDim = 0;
};

using Step = std::variant<Definition, Recurrence>;

struct Program {
  std::string name;
  std::vector<Dim> dims;
  std::vector<IndexVariable> indices;
  std::vector<Tensor> tensors;
  std::vector<TensorId> inputs, params, outputs; // declaration order; params in order of first use
  std::vector<Step> steps;
};

/// The program as text in the notation of the comment above, for `--emit=checked`.
std::string print(Program const &program);

} // namespace heed
