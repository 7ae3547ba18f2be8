// ProgramPrint.cpp - a checked program as text, in the notation of Program.h.

#include "compiler/check/Program.h"

#include <fmt/format.h>
#include <map>
#include <set>

namespace heed {

namespace {

int precedenceOf(BinaryOp op) {
  switch (op) {
  case BinaryOp::Or:
    return 1;
  case BinaryOp::And:
    return 2;
  case BinaryOp::Equal:
  case BinaryOp::NotEqual:
  case BinaryOp::Less:
  case BinaryOp::LessEqual:
  case BinaryOp::Greater:
  case BinaryOp::GreaterEqual:
    return 4;
  case BinaryOp::Add:
  case BinaryOp::Subtract:
    return 5;
  case BinaryOp::Multiply:
  case BinaryOp::Divide:
  case BinaryOp::Remainder:
    return 6;
  default:
    return 9;
  }
}

std::string_view symbolOf(BinaryOp op) {
  static constexpr std::string_view symbols[] = {"+",  "-",  "*", "/",  "%", "^",  "min", "max",
                                                 "==", "!=", "<", "<=", ">", ">=", "and", "or"};
  return symbols[size_t(op)];
}

std::string_view nameOf(UnaryOp op) {
  static constexpr std::string_view names[] = {"-",     "not",  "abs",   "exp",  "log", "sqrt",
                                               "rsqrt", "sin",  "cos",   "tanh", "erf", "sigmoid",
                                               "floor", "ceil", "round", "real", "int"};
  return names[size_t(op)];
}

std::string_view nameOf(ReduceKind kind) {
  static constexpr std::string_view names[] = {"sum",    "product", "max", "min", "argmax",
                                               "argmin", "any",     "all", "topk"};
  return names[size_t(kind)];
}

class Printer {
public:
  explicit Printer(Program const &program) : program(program) {}

  std::string run() {
    text = "program " + program.name + "\n";
    for (Dim const &dim : program.dims) {
      text += "dim " + dim.name;
      if (dim.minimum > 0)
        text += fmt::format(" >= {}", dim.minimum);
      if (dim.maximum >= 0)
        text += fmt::format(" <= {}", dim.maximum);
      text += dim.fromUntil ? " until\n" : "\n";
    }
    for (TensorId id : program.inputs)
      text += "input " + declaration(id) + "\n";
    for (TensorId id : program.params)
      text += "param " + declaration(id) + "\n";
    for (Step const &step : program.steps) {
      if (auto *single = std::get_if<Definition>(&step))
        definition(*single, "");
      else
        recurrence(std::get<Recurrence>(step));
    }
    for (TensorId id : program.outputs)
      text += "output " + declaration(id) + "\n";
    return std::move(text);
  }

private:
  Program const &program;
  std::string text;
  std::map<IndexId, std::string> names; // of the indices in scope
  std::multiset<std::string> used;
  struct Shared {
    unsigned uses = 0, number = 0;
  };
  std::map<Expr const *, Shared> references; // in the definition being printed
  unsigned numbered = 0;

  std::string size(Size const &size) const {
    std::string result;
    for (Size::Term const &term : size.terms) {
      int64_t coefficient = term.coefficient;
      std::string dim = term.dim < program.dims.size() ? program.dims[term.dim].name : "?";
      result += result.empty() ? (coefficient < 0 ? "-" : "") : coefficient < 0 ? " - " : " + ";
      int64_t magnitude = coefficient < 0 ? -coefficient : coefficient;
      result += magnitude == 1 ? dim : fmt::format("{} * {}", magnitude, dim);
    }
    if (result.empty())
      return std::to_string(size.constant);
    if (size.constant != 0)
      result +=
          fmt::format(" {} {}", size.constant < 0 ? "-" : "+", size.constant < 0 ? -size.constant : size.constant);
    return result;
  }

  static std::string quoted(std::string const &value) {
    std::string result = "\"";
    for (char c : value) {
      if (c == '\n')
        result += "\\n";
      else if (c == '\t')
        result += "\\t";
      else if (c == '"' || c == '\\')
        result += std::string("\\") + c;
      else
        result += c;
    }
    return result + "\"";
  }

  std::string declaration(TensorId id) const {
    static constexpr std::string_view elements[] = {"f32", "f64", "f16", "bf16", "i32", "i8", "bool"};
    Tensor const &tensor = program.tensors[id];
    std::string result = fmt::format("{}: {}[", tensor.name, elements[size_t(tensor.element)]);
    for (size_t k = 0; k < tensor.shape.size(); ++k)
      result += (k ? ", " : "") + size(tensor.shape[k]);
    result += "]";
    if (!tensor.from.empty())
      result += " from " + quoted(tensor.from);
    if (!tensor.alphabet.empty())
      result += " text " + quoted(tensor.alphabet);
    return result;
  }

  std::string enter(IndexId id) {
    std::string name = program.indices[id].name;
    for (unsigned k = 1; used.contains(name); ++k)
      name = program.indices[id].name + std::to_string(k);
    used.insert(name);
    names[id] = name;
    return name;
  }
  void leave(IndexId id) {
    used.erase(used.find(names[id]));
    names.erase(id);
  }

  static std::string parenthesised(std::string inner, bool needed) { return needed ? "(" + inner + ")" : inner; }

  /// Expressions that a definition holds several times are written out once, as `%1:(...)`, and then are `%1`.
  std::string expr(ExprPtr const &e, int outer = 0) {
    auto shared = references.find(e.get());
    if (shared == references.end() || shared->second.uses < 2)
      return written(e, outer);
    if (shared->second.number == 0) {
      std::string text = written(e, 0);
      if (text.size() < 40)
        return written(e, outer);
      shared->second.number = ++numbered;
      return fmt::format("%{}:({})", shared->second.number, text);
    }
    return fmt::format("%{}", shared->second.number);
  }

  void countReferences(ExprPtr const &e) {
    if (!e || references[e.get()].uses++ > 0)
      return;
    if (auto *read = std::get_if<Expr::Read>(&e->node)) {
      for (ExprPtr const &subscript : read->subscripts)
        countReferences(subscript);
    } else if (auto *unary = std::get_if<Expr::Unary>(&e->node)) {
      countReferences(unary->operand);
    } else if (auto *binary = std::get_if<Expr::Binary>(&e->node)) {
      countReferences(binary->left);
      countReferences(binary->right);
    } else if (auto *select = std::get_if<Expr::Select>(&e->node)) {
      countReferences(select->condition);
      countReferences(select->ifTrue);
      countReferences(select->ifFalse);
    } else if (auto *reduce = std::get_if<Expr::Reduce>(&e->node)) {
      countReferences(reduce->domain);
      countReferences(reduce->body);
    }
  }

  std::string written(ExprPtr const &e, int outer) {
    if (auto *real = std::get_if<Expr::RealConstant>(&e->node)) {
      std::string number = fmt::format("{}", real->value);
      if (number.find_first_of(".en") == std::string::npos)
        number += ".0";
      return number;
    }
    if (auto *integer = std::get_if<Expr::IntConstant>(&e->node))
      return std::to_string(integer->value);
    if (auto *boolean = std::get_if<Expr::BoolConstant>(&e->node))
      return boolean->value ? "true" : "false";
    if (auto *index = std::get_if<Expr::IndexValue>(&e->node))
      return names.contains(index->index) ? names[index->index] : fmt::format("%{}", index->index);
    if (auto *value = std::get_if<Expr::SizeValue>(&e->node))
      return parenthesised(size(value->size), value->size.terms.size() > 1 || value->size.constant != 0 ||
                                                  value->size.terms.front().coefficient != 1);
    if (auto *read = std::get_if<Expr::Read>(&e->node)) {
      std::string result = program.tensors[read->tensor].name + (read->checked ? "?" : "") + "[";
      for (size_t k = 0; k < read->subscripts.size(); ++k)
        result += (k ? ", " : "") + expr(read->subscripts[k]);
      return result + "]";
    }
    if (auto *unary = std::get_if<Expr::Unary>(&e->node)) {
      if (unary->op == UnaryOp::Negate)
        return parenthesised("-" + expr(unary->operand, 7), outer >= 7);
      if (unary->op == UnaryOp::Not)
        return parenthesised("not " + expr(unary->operand, 3), outer > 3);
      return fmt::format("{}({})", nameOf(unary->op), expr(unary->operand));
    }
    if (auto *binary = std::get_if<Expr::Binary>(&e->node)) {
      int level = precedenceOf(binary->op);
      bool named = binary->op == BinaryOp::Minimum || binary->op == BinaryOp::Maximum,
           right = binary->op == BinaryOp::Power;
      std::string first = expr(binary->left, named ? 0 : level + right);
      std::string second = expr(binary->right, named ? 0 : level + !right);
      if (named)
        return fmt::format("{}({}, {})", symbolOf(binary->op), first, second);
      return parenthesised(fmt::format("{} {} {}", first, symbolOf(binary->op), second), level < outer);
    }
    if (auto *select = std::get_if<Expr::Select>(&e->node)) {
      std::string condition = expr(select->condition), ifTrue = expr(select->ifTrue), ifFalse = expr(select->ifFalse);
      return fmt::format("select({}, {}, {})", condition, ifTrue, ifFalse);
    }
    auto &reduce = std::get<Expr::Reduce>(e->node);
    std::string rank = reduce.rank ? " at " + expr(reduce.rank, 5) : "", bound;
    for (IndexId id : reduce.indices)
      bound += (bound.empty() ? "" : ", ") + fmt::format("{} < {}", enter(id), size(program.indices[id].size));
    std::string result = fmt::format("({}[{}]{} {}", nameOf(reduce.kind), bound, rank, expr(reduce.body, 5));
    if (reduce.domain)
      result += " where " + expr(reduce.domain);
    for (IndexId id : reduce.indices)
      leave(id);
    return result + ")";
  }

  void definition(Definition const &definition, std::string const &indent) {
    references.clear();
    numbered = 0;
    countReferences(definition.value);
    countReferences(definition.domain);
    text += indent + program.tensors[definition.tensor].name + "[";
    for (size_t k = 0; k < definition.indices.size(); ++k) {
      text += k ? ", " : "";
      IndexId id = definition.indices[k];
      text +=
          int(k) == definition.timeAxis ? names[id] : fmt::format("{} < {}", enter(id), size(program.indices[id].size));
    }
    text += "] = ";
    if (definition.softmaxAxis >= 0)
      text += fmt::format("softmax[{}] ", names[definition.indices[size_t(definition.softmaxAxis)]]);
    text += expr(definition.value);
    if (definition.domain)
      text += "  domain " + expr(definition.domain);
    text += "\n";
    for (size_t k = 0; k < definition.indices.size(); ++k)
      if (int(k) != definition.timeAxis)
        leave(definition.indices[k]);
  }

  void recurrence(Recurrence const &recurrence) {
    text += fmt::format("recurrence {} < {}", enter(recurrence.step), size(recurrence.length));
    if (recurrence.backward)
      text += " backward";
    if (recurrence.until)
      text += fmt::format(" until {} sets {}", expr(recurrence.until), program.dims[recurrence.lengthDim].name);
    text += " {\n";
    for (Start const &start : recurrence.starts) {
      std::string at = recurrence.backward ? "end" + (start.offset ? fmt::format(" + {}", start.offset) : std::string())
                                           : std::to_string(start.offset);
      std::string indices;
      references.clear();
      numbered = 0;
      countReferences(start.value);
      for (IndexId id : start.indices)
        indices += fmt::format(", {} < {}", enter(id), size(program.indices[id].size));
      text +=
          fmt::format("  start {}[{}{}] = {}\n", program.tensors[start.tensor].name, at, indices, expr(start.value));
      for (IndexId id : start.indices)
        leave(id);
    }
    for (Definition const &member : recurrence.members)
      definition(member, "  ");
    text += "}\n";
    leave(recurrence.step);
  }
};

} // namespace

std::string print(Program const &program) { return Printer(program).run(); }

} // namespace heed
