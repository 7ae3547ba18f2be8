// Verify.cpp - the invariants (P1) to (P6) of Program.h, as far as they can be seen without a proof.

#include "compiler/check/Check.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace heed {

namespace {

class Verifier {
public:
  explicit Verifier(Program const &program) : program(program), defined(program.tensors.size()) {}

  std::string run() {
    std::set<std::string> names;
    for (Tensor const &tensor : program.tensors) {
      require(names.insert(tensor.name).second, "(P1) two tensors have the name " + tensor.name);
      for (Size const &size : tensor.shape)
        checkSize(size);
    }
    for (auto *list : {&program.inputs, &program.params})
      for (TensorId id : *list)
        define(id);
    for (Step const &step : program.steps) {
      if (auto *definition = std::get_if<Definition>(&step)) {
        checkDefinition(*definition);
        define(definition->tensor);
      } else {
        checkRecurrence(std::get<Recurrence>(step));
      }
    }
    for (TensorId id : program.outputs)
      require(id < program.tensors.size() && defined[id], "(P1) an output is not defined");
    return failure;
  }

private:
  Program const &program;
  std::vector<bool> defined;
  std::set<TensorId> members; // of the recurrence being checked
  std::multiset<IndexId> bound;
  std::set<IndexId> everBound;
  std::set<std::pair<Expr const *, size_t>> seen; // in which binder an expression has been checked
  size_t binder = 0;
  Expr const *whole = nullptr; // the value of the definition being checked
  std::string failure;

  void require(bool condition, std::string const &text) {
    if (!condition && failure.empty())
      failure = text;
  }
  std::string name(TensorId id) const { return id < program.tensors.size() ? program.tensors[id].name : "?"; }

  void define(TensorId id) {
    require(id < program.tensors.size(), "(P1) a tensor does not exist");
    if (id >= program.tensors.size())
      return;
    require(!defined[id], "(P1) defined twice: " + name(id));
    defined[id] = true;
  }

  void checkSize(Size const &size) {
    for (size_t k = 0; k < size.terms.size(); ++k) {
      require(size.terms[k].dim < program.dims.size(), "a size has an unknown dim");
      require(size.terms[k].coefficient != 0 && (k == 0 || size.terms[k - 1].dim < size.terms[k].dim),
              "a size is not in normal form");
    }
  }

  void bind(IndexId id) {
    require(id < program.indices.size(), "(P3) an index does not exist");
    require(everBound.insert(id).second, "(P3) an index is bound twice");
    if (id < program.indices.size())
      checkSize(program.indices[id].size);
    bound.insert(id);
  }
  void unbind(IndexId id) { bound.erase(bound.find(id)); }

  void expect(ExprPtr const &expr, Scalar type, char const *what) {
    check(expr);
    require(!expr || expr->type == type, std::string("(P6) wrong type of ") + what);
  }

  void check(ExprPtr const &expr) {
    require(expr != nullptr, "an expression is missing");
    if (!expr || !failure.empty() || !seen.emplace(expr.get(), binder).second)
      return;
    Scalar type = expr->type;
    if (std::holds_alternative<Expr::RealConstant>(expr->node))
      return require(type == Scalar::Real, "(P6) a real constant");
    if (std::holds_alternative<Expr::IntConstant>(expr->node))
      return require(type == Scalar::Int, "(P6) an integer constant");
    if (std::holds_alternative<Expr::BoolConstant>(expr->node))
      return require(type == Scalar::Bool, "(P6) a bool constant");
    if (auto *index = std::get_if<Expr::IndexValue>(&expr->node))
      return require(type == Scalar::Int && bound.contains(index->index), "(P3) an index is not bound");
    if (auto *size = std::get_if<Expr::SizeValue>(&expr->node))
      return checkSize(size->size);
    if (auto *read = std::get_if<Expr::Read>(&expr->node))
      return checkRead(*read, type);
    if (auto *unary = std::get_if<Expr::Unary>(&expr->node))
      return checkUnary(*unary, type);
    if (auto *binary = std::get_if<Expr::Binary>(&expr->node))
      return checkBinary(*binary, type);
    if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
      expect(select->condition, Scalar::Bool, "a choice");
      expect(select->ifTrue, type, "a chosen value");
      expect(select->ifFalse, type, "a chosen value");
      return;
    }
    auto &reduce = std::get<Expr::Reduce>(expr->node);
    require(reduce.kind != ReduceKind::TopK || expr.get() == whole, "(P7) a selection inside an expression");
    checkReduce(reduce, type);
  }

  void checkRead(Expr::Read const &read, Scalar type) {
    if (read.tensor >= program.tensors.size())
      return require(false, "(P1) a tensor does not exist");
    Tensor const &tensor = program.tensors[read.tensor];
    require(defined[read.tensor] || members.contains(read.tensor), "(P1) read before it is defined: " + tensor.name);
    require(read.subscripts.size() == tensor.shape.size(), "(P2) wrong number of subscripts: " + tensor.name);
    Scalar stored = tensor.element == Element::Bool                                   ? Scalar::Bool
                    : tensor.element == Element::I32 || tensor.element == Element::I8 ? Scalar::Int
                                                                                      : Scalar::Real;
    require(type == stored, "(P6) read with another type: " + tensor.name);
    for (ExprPtr const &subscript : read.subscripts)
      expect(subscript, Scalar::Int, "a subscript");
  }

  void checkUnary(Expr::Unary const &unary, Scalar type) {
    check(unary.operand);
    Scalar operand = unary.operand ? unary.operand->type : type;
    bool ok = operand == type;
    switch (unary.op) {
    case UnaryOp::Negate:
    case UnaryOp::Abs:
      ok &= type != Scalar::Bool;
      break;
    case UnaryOp::Not:
      ok &= type == Scalar::Bool;
      break;
    case UnaryOp::ToReal:
      ok = type == Scalar::Real && operand != Scalar::Real;
      break;
    case UnaryOp::ToInt:
      ok = type == Scalar::Int && operand != Scalar::Int;
      break;
    default:
      ok &= type == Scalar::Real;
    }
    require(ok, "(P6) wrong type of a unary operation");
  }

  void checkBinary(Expr::Binary const &binary, Scalar type) {
    check(binary.left);
    check(binary.right);
    if (!failure.empty())
      return;
    require(binary.left->type == binary.right->type, "(P6) operands of different type");
    if (binary.op >= BinaryOp::And)
      return require(type == Scalar::Bool && binary.left->type == Scalar::Bool, "(P6) wrong type in logic");
    if (binary.op >= BinaryOp::Equal)
      return require(type == Scalar::Bool, "(P6) wrong type of a comparison");
    require(type == binary.left->type && type != Scalar::Bool, "(P6) wrong type of arithmetic");
  }

  void checkReduce(Expr::Reduce const &reduce, Scalar type) {
    bool position = reduce.kind == ReduceKind::ArgMax || reduce.kind == ReduceKind::ArgMin ||
                    reduce.kind == ReduceKind::TopK;
    require((reduce.kind == ReduceKind::TopK) == (reduce.rank != nullptr), "(P7) a rank that no selection has");
    bool logic = reduce.kind == ReduceKind::Any || reduce.kind == ReduceKind::All;
    require(!position || reduce.indices.size() == 1, "a position is along one index");
    require(!reduce.indices.empty(), "a reduction binds no index");
    for (IndexId id : reduce.indices)
      bind(id);
    size_t outer = binder;
    binder = everBound.size();
    if (reduce.domain)
      expect(reduce.domain, Scalar::Bool, "a domain");
    check(reduce.body);
    binder = outer;
    for (IndexId id : reduce.indices)
      unbind(id);
    if (!failure.empty())
      return;
    require(logic ? reduce.body->type == Scalar::Bool : reduce.body->type != Scalar::Bool,
            "(P6) wrong type in a reduction");
    require(position ? type == Scalar::Int : type == reduce.body->type, "(P6) wrong type of a reduction");
  }

  void checkDefinition(Definition const &definition) {
    Tensor const &tensor = program.tensors[definition.tensor];
    require(definition.indices.size() == tensor.shape.size(), "(P2) wrong number of indices: " + tensor.name);
    for (size_t k = 0; k < definition.indices.size(); ++k) {
      if (int(k) != definition.timeAxis)
        bind(definition.indices[k]);
      if (definition.indices[k] < program.indices.size())
        require(program.indices[definition.indices[k]].size == tensor.shape[k],
                "an index has not the size of its axis: " + tensor.name);
    }
    binder = everBound.size();
    if (definition.domain)
      expect(definition.domain, Scalar::Bool, "a domain");
    whole = definition.value.get();
    check(definition.value);
    if (auto *reduce = definition.value ? std::get_if<Expr::Reduce>(&definition.value->node) : nullptr;
        reduce && reduce->rank) {
      auto *rank = std::get_if<Expr::IndexValue>(&reduce->rank->node);
      require(rank && rank->index == definition.indices.back() && definition.softmaxAxis < 0 &&
                  definition.timeAxis + 1 != int(definition.indices.size()),
              "(P7) the rank of a selection is the last index: " + tensor.name);
    }
    require(definition.softmaxAxis < int(tensor.shape.size()),
            "softmax over an axis that does not exist: " + tensor.name);
    for (size_t k = 0; k < definition.indices.size(); ++k)
      if (int(k) != definition.timeAxis)
        unbind(definition.indices[k]);
  }

  void checkRecurrence(Recurrence const &recurrence) {
    for (Start const &start : recurrence.starts) {
      for (IndexId id : start.indices)
        bind(id);
      binder = everBound.size();
      check(start.value);
      for (IndexId id : start.indices)
        unbind(id);
      require(recurrence.backward ? start.offset >= 0 : start.offset < 0,
              "a start is not before the first step: " + name(start.tensor));
    }
    for (Definition const &member : recurrence.members)
      members.insert(member.tensor);
    bind(recurrence.step);
    for (Definition const &member : recurrence.members) {
      require(member.timeAxis >= 0 && member.timeAxis < int(member.indices.size()) &&
                  member.indices[size_t(member.timeAxis)] == recurrence.step,
              "(P3) a member does not follow the step: " + name(member.tensor));
      checkDefinition(member);
    }
    if (recurrence.until) {
      binder = everBound.size();
      expect(recurrence.until, Scalar::Bool, "until");
      require(recurrence.lengthDim < program.dims.size() && program.dims[recurrence.lengthDim].fromUntil,
              "until sets no dim");
    }
    unbind(recurrence.step);
    members.clear();
    for (Definition const &member : recurrence.members)
      define(member.tensor);
  }
};

} // namespace

std::string verify(Program const &program) { return Verifier(program).run(); }

} // namespace heed
