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
  static constexpr std::string_view names[] = {"sum", "product", "max", "min", "argmax", "argmin", "any", "all"};
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

  std::string expr(ExprPtr const &e, int outer = 0) {
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
      if (binary->op == BinaryOp::Minimum || binary->op == BinaryOp::Maximum)
        return fmt::format("{}({}, {})", symbolOf(binary->op), expr(binary->left), expr(binary->right));
      int level = precedenceOf(binary->op);
      bool right = binary->op == BinaryOp::Power;
      return parenthesised(fmt::format("{} {} {}", expr(binary->left, level + right), symbolOf(binary->op),
                                       expr(binary->right, level + !right)),
                           level < outer);
    }
    if (auto *select = std::get_if<Expr::Select>(&e->node))
      return fmt::format("select({}, {}, {})", expr(select->condition), expr(select->ifTrue), expr(select->ifFalse));
    auto &reduce = std::get<Expr::Reduce>(e->node);
    std::string bound;
    for (IndexId id : reduce.indices)
      bound += (bound.empty() ? "" : ", ") + fmt::format("{} < {}", enter(id), size(program.indices[id].size));
    std::string result = fmt::format("({}[{}] {}", nameOf(reduce.kind), bound, expr(reduce.body, 5));
    if (reduce.domain)
      result += " where " + expr(reduce.domain);
    for (IndexId id : reduce.indices)
      leave(id);
    return result + ")";
  }

  void definition(Definition const &definition, std::string const &indent) {
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
