// Values.h - what an expression of the language is worth while the checker elaborates it.
//
// A tensor is lazy: a shape and a function from subscripts to a scalar expression. `x @ w + b` is one such function,
// and becomes one scalar equation when a definition stores it.
#pragma once

#include "compiler/check/Build.h"
#include "compiler/check/Sizes.h"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace heed::elaborate {

using Subscripts = std::vector<ExprPtr>;

struct TensorValue;
using TensorPtr = std::shared_ptr<TensorValue const>;

/// Where a number of a function body is stored if some place would compute it again and again.
struct StoreOnce {
  std::string name;
  size_t assumptionDepth = 0;
  TensorPtr stored;
};

struct TensorValue {
  Scalar type = Scalar::Real;
  std::vector<Size> shape;
  ExprPtr scalar;                                     // rank 0
  std::function<ExprPtr(Subscripts const &)> element; // any other rank
  unsigned depth = 1;                                 // nesting of `element` and of the expression it makes
  std::string name;                                   // of the definition that stores it, if one does
  ast::Range range;                                   // where it was written
  bool whole = false;                                 // a stored tensor, all of it: reading it costs nothing
  std::shared_ptr<StoreOnce> once;                    // of a number of a function body
  mutable ExprPtr sampled;

  size_t rank() const { return shape.size(); }
  ExprPtr at(Subscripts const &subscripts) const { return shape.empty() ? scalar : element(subscripts); }
  /// The element at placeholder subscripts: for looking at its cost and its free indices.
  ExprPtr const &sample() const;
};
struct FileScope;
struct Value;

/// A function, layer or built-in function as a value, with some static arguments given.
struct FunctionValue {
  ast::Callable const *callable = nullptr;
  FileScope const *file = nullptr; // where the callable's names are looked up
  std::string builtin;
  std::vector<std::pair<ast::Name, Value>> statics;
  std::string const &name() const { return callable ? callable->name.text : builtin; }
};
struct ListValue {
  std::vector<Value> items;
};

/// Nothing (monostate) is the value of an erroneous expression: its error has been reported, what uses it is silent.
struct Value {
  std::variant<std::monostate, TensorPtr, std::shared_ptr<FunctionValue const>, std::shared_ptr<ListValue const>> is;
  Value() = default;
  Value(TensorPtr tensor) {
    if (tensor)
      is = std::move(tensor);
  }
  Value(std::shared_ptr<FunctionValue const> function) : is(std::move(function)) {}
  Value(std::shared_ptr<ListValue const> list) : is(std::move(list)) {}
  bool poisoned() const { return is.index() == 0; }
  TensorPtr tensor() const { return is.index() == 1 ? std::get<1>(is) : nullptr; }
  FunctionValue const *function() const { return is.index() == 2 ? std::get<2>(is).get() : nullptr; }
  ListValue const *list() const { return is.index() == 3 ? std::get<3>(is).get() : nullptr; }
};

TensorPtr scalarValue(ExprPtr expr, ast::Range range);
TensorPtr tensorValue(Scalar type, std::vector<Size> shape, unsigned depth, ast::Range range,
                      std::function<ExprPtr(Subscripts const &)> element);

/// A read whose subscripts are index arithmetic: repeating it costs nothing and hides nothing from the compiler.
bool isPlainRead(TensorPtr const &value);
/// Repeating it would cost: it holds a reduction, a transcendental function, or many operations.
bool isCostly(TensorPtr const &value);
std::string_view typeName(Scalar type);
std::string_view elementName(Element element);
Scalar scalarOf(Element element);
Element elementOf(Scalar scalar);

} // namespace heed::elaborate
