// Ast.h - the syntax tree of a model file, exactly as written.
//
// The tree is built by the grammar through attribute propagation, so its shape follows the grammar: operator chains are
// flat
// (`a + b + c` is one Chain with two steps), which also keeps every pass over a long chain free of recursion.
// Positions are global offsets into a SourceManager (see Source.h); an empty range means "no position".
#pragma once

#include <boost/spirit/home/x3/support/ast/variant.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace heed::ast {

namespace x3 = boost::spirit::x3;

/// A half-open range [first, last) of global source offsets.
struct Range {
  uint32_t first = 0, last = 0;
  bool empty() const { return first == last; }
};

/// Base of every node that has a position. Filled by the grammar on success.
struct Ranged {
  Range range;
};

struct Name : Ranged {
  std::string text;
};
struct Integer : Ranged {
  int64_t value = 0;
};
struct Real : Ranged {
  double value = 0;
};
struct Boolean : Ranged {
  bool value = false;
};
struct Text : Ranged {
  std::string value; // escapes resolved, UTF-8
};

struct Index;  // x[i, j - 1]
struct Call;   // f(a, b; heads: 8) as name;  sum[j](e);  sum[j](e where c)
struct Unary;  // -x, not x
struct Chain;  // a + b - c; one precedence level, left to right ('^': right to left)
struct ListOf; // [a, b, c]; [e for h < 4]; [e for w in widths]: a static list

struct Expr : x3::variant<Integer, Real, Boolean, Text, Name, x3::forward_ast<Index>, x3::forward_ast<Call>,
                          x3::forward_ast<Unary>, x3::forward_ast<Chain>, x3::forward_ast<ListOf>> {
  using base_type::base_type;
  using base_type::operator=;
};

/// The position of an expression.
Range rangeOf(Expr const &expr);

struct Index : Ranged {
  Expr base;
  std::vector<Expr> subscripts;
};

/// A static argument `name: value`.
struct NamedArgument : Ranged {
  Name name;
  Expr value;
};

/// A call of a function, layer, reduction or function value. `indices` are the bound indices of a reduction; `where`
/// restricts the first argument of a reduction; `as` names the use of a layer in parameter paths. `element` is what is
/// called if it is an element of a list, `pattern[layer % 2](x)`; `callee` then is the name of the list, if it has one.
struct Call : Ranged {
  Name callee;
  std::optional<Expr> element;
  std::vector<Name> indices;
  std::vector<Expr> arguments;
  std::optional<Expr> where;
  std::vector<NamedArgument> statics;
  std::optional<Name> as;
};

enum class UnaryOp { Negate, Not };
enum class BinaryOp {
  Or,
  And,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Add,
  Subtract,
  Multiply,
  Divide,
  Remainder,
  MatMul,
  Power
};

struct Unary : Ranged {
  UnaryOp op = UnaryOp::Negate;
  Expr operand;
};

struct ChainStep : Ranged {
  BinaryOp op = BinaryOp::Add;
  Expr operand;
};
struct Chain : Ranged {
  Expr first;
  std::vector<ChainStep> rest;
};

/// `for name < over`: the integers below it; `for name in over`: the elements of a list.
struct Each : Ranged {
  Name name;
  bool counts = false;
  Expr over;
};
struct ListOf : Ranged {
  std::vector<Expr> items;
  std::optional<Each> each; // the items are written out for every value
};

/// `f32`, `i32[n]`, `[n, d / 2]` (f32), `bool[n]`, or a static type `int`, `float`, `fn`, `list`. An empty element name
/// is f32.
struct Type : Ranged {
  std::string element;
  std::vector<Expr> shape;
};

/// `name: type`, `name: type = default`, `name: type text "alphabet"`.
struct Parameter : Ranged {
  Name name;
  Type type;
  std::optional<Expr> fallback;
  std::optional<Text> alphabet;
};

/// One side of a definition: `x`, `x[i, j]`, `x[i < n]` (an index with its bound), `s[-1]` (the start of a recurrence).
struct Subscript : Ranged {
  Expr index;
  std::optional<Expr> bound;
};
struct Target : Ranged {
  Name name;
  std::vector<Subscript> subscripts;
};

/// `a[i], b[i] = e, f where c until d`.
struct Definition : Ranged {
  std::vector<Target> targets;
  std::vector<Expr> values;
  std::optional<Expr> where;
  std::optional<Expr> until;
};

/// `dim n <= 4096`.
struct DimDeclaration : Ranged {
  Name name;
  std::optional<Expr> bound;
};
struct Dims : Ranged {
  std::vector<DimDeclaration> dims;
};

/// `param wq, wk: [d, d] from "name.{i}"`.
struct ParamGroup : Ranged {
  std::vector<Name> names;
  Type type;
  std::vector<Expr> scale; // `i8[d, e] scale [e]`: the shape of a factor for the stored numbers
  std::optional<Text> from;
};
struct Params : Ranged {
  std::vector<ParamGroup> groups;
};

/// `const EOS = 2`.
struct ConstItem : Ranged {
  Name name;
  Expr value;
};
struct Consts : Ranged {
  std::vector<ConstItem> items;
};

struct Repeat; // repeat 6 { ... }, repeat layer: 6 { ... }

struct Statement : x3::variant<Dims, Params, Consts, Definition, x3::forward_ast<Repeat>> {
  using base_type::base_type;
  using base_type::operator=;
};

struct Repeat : Ranged {
  std::optional<Name> counter;
  Expr count;
  std::vector<Statement> body;
};

enum class CallableKind { Function, Layer, Model };

/// `fn`, `layer` or `model`: inputs before ';', static parameters after it, named results.
struct Callable : Ranged {
  CallableKind kind = CallableKind::Function;
  Name name;
  std::vector<Parameter> inputs;
  std::vector<Parameter> statics;
  std::vector<Parameter> results;
  std::vector<Statement> body;
};

/// `import "layers.heed"`, relative to the importing file.
struct Import : Ranged {
  Text path;
};

struct Item : x3::variant<Import, Consts, Callable> {
  using base_type::base_type;
  using base_type::operator=;
};

struct File {
  std::vector<Item> items;
};

} // namespace heed::ast
