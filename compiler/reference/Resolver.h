// Resolver.h - the state of resolving one equation.
//
// Resolve.cpp has expressions, ResolveReduce.cpp reductions, ResolveRead.cpp subscripts.
#pragma once

#include "compiler/reference/Resolve.h"

#include <map>
#include <unordered_map>

namespace heed::reference {

/// An integer expression as constant + sum of coefficient * register.
struct LinearForm {
  int64_t constant = 0;
  std::map<Register, int64_t> terms;
  /// this += factor * other; false if a number leaves 64 bits.
  bool add(LinearForm const &other, int64_t factor);
  bool isConstant() const { return terms.empty(); }
};

class Resolver {
public:
  explicit Resolver(Surroundings const &surroundings, TensorId tensor);

  /// Binds an index to a fresh register; it is part of every scope until `unbind`.
  Register bind(IndexId index);
  void unbind(IndexId index);
  void bindStep(IndexId step);
  Register compile(Expr const &expr);
  /// Emits loops over `indices` (already bound, outermost first) around what `body` emits.
  template <typename Body>
  void loop(std::vector<IndexId> const &indices, Body body);
  void store(LinearForm const &position, Storage &storage, Register value, Scalar type);
  /// The position in `storage` that has these subscripts, all known to be in bounds.
  LinearForm position(Storage const &storage, std::vector<LinearForm> const &subscripts);

  Code code;

  uint32_t emit(Op op, Register result = 0, uint32_t a = 0, uint32_t b = 0, uint8_t kind = 0);
  void jumpHere(uint32_t instruction) { code.instructions[instruction].b = here(); }
  [[noreturn]] void fail(std::string const &text);

private:
  uint32_t here() const { return code.instructions.size(); }
  Register fresh();
  Register integer(int64_t value);
  Register real(double value);
  int64_t extentOf(IndexId index);

  // Expressions.
  Register leaf(Expr const &expr);
  Register unary(Expr const &expr, Expr::Unary const &node, Register operand);
  Register binary(Expr const &expr, Expr::Binary const &node, Register left);
  Register select(Expr const &expr, Expr::Select const &node);

  // Reductions.
  Register reduce(Expr const &expr, Expr::Reduce const &node);
  Register select(Expr::Reduce const &node);
  Register initialValue(Expr const &expr, ReduceKind kind);
  bool dot(Expr::Reduce const &node, Register result);
  std::optional<uint32_t> memoFor(Expr const &expr);

  // Subscripts.
  LinearForm linearForm(Expr const &expr);
  std::optional<LinearForm> linearProduct(Expr const &left, Expr const &right);
  bool provedInside(LinearForm const &form, int64_t low, int64_t high);
  Register materialise(LinearForm const &form);
  Linear flatten(LinearForm const &form);
  uint32_t access(Expr::Read const &node);

  // Values already computed on every path to here, by expression. A scope forgets what was learnt inside it: code that
  // may be jumped over, or a loop's body.
  void remember(Expr const &expr, Register value);
  template <typename Inside>
  void scope(Inside inside);
  std::unordered_map<Expr const *, Register> known;
  std::vector<Expr const *> learnt;

  Surroundings surroundings;
  std::map<IndexId, Register> bound;           // indices around the current point
  std::map<Register, int64_t> extents;         // of index registers
  std::map<int64_t, Register> integers, reals; // constants; reals by bit pattern
  unsigned depth = 0;
  IndexId step = 0;
};

template <typename Inside>
void Resolver::scope(Inside inside) {
  size_t mark = learnt.size();
  inside();
  for (; learnt.size() > mark; learnt.pop_back())
    known.erase(learnt.back());
}

template <typename Body>
void Resolver::loop(std::vector<IndexId> const &indices, Body body) {
  for (IndexId index : indices)
    if (extentOf(index) <= 0)
      return;
  std::vector<uint32_t> starts;
  for (IndexId index : indices) {
    emit(Op::Move, bound.at(index), integer(0));
    starts.push_back(here());
  }
  scope(body);
  for (size_t level = indices.size(); level-- > 0;)
    emit(Op::Next, bound.at(indices[level]), integer(extentOf(indices[level])), starts[level]);
}

} // namespace heed::reference
