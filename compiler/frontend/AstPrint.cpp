// AstPrint.cpp - the syntax tree as text that shows its structure: valid heed, with every operator in parentheses.

#include "compiler/frontend/Parse.h"

#include <boost/variant/apply_visitor.hpp>
#include <fmt/format.h>

#include <string_view>

namespace heed {

namespace {
std::string_view symbol(ast::BinaryOp op) {
  static constexpr std::string_view symbols[] = {
      "or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "@", "^"};
  return symbols[static_cast<int>(op)];
}

struct Printer {
  using result_type = void;
  std::string out;
  int indent = 0;

  template <typename... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments &&...arguments) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Arguments>(arguments)...);
  }
  template <typename Items, typename Show>
  void list(Items const &items, Show show) {
    bool first = true;
    for (auto const &each : items) {
      out += first ? "" : ", ";
      first = false;
      show(each);
    }
  }
  void expressions(std::vector<ast::Expr> const &items) {
    list(items, [&](ast::Expr const &expr) { show(expr); });
  }
  void optional(std::string_view before, std::optional<ast::Expr> const &expr) {
    if (!expr)
      return;
    out += before;
    show(*expr);
  }
  void show(ast::Expr const &expr) { boost::apply_visitor(*this, expr); }

  template <typename Node>
  void operator()(ast::x3::forward_ast<Node> const &node) {
    (*this)(node.get());
  }
  void operator()(ast::Integer const &node) { put("{}", node.value); }
  void operator()(ast::Real const &node) {
    std::string digits = fmt::format("{}", node.value);
    out += digits.find_first_of(".e") == digits.npos ? digits + ".0" : digits;
  }
  void operator()(ast::Boolean const &node) { out += node.value ? "true" : "false"; }
  void operator()(ast::Name const &node) { out += node.text; }
  void operator()(ast::Text const &node) {
    out += '"';
    for (char byte : node.value)
      if (byte == '"' || byte == '\\')
        put("\\{}", byte);
      else if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F)
        put("\\u{{{:x}}}", static_cast<unsigned>(byte));
      else
        out += byte;
    out += '"';
  }
  void operator()(ast::Index const &node) {
    show(node.base);
    out += '[';
    expressions(node.subscripts);
    out += ']';
  }
  void operator()(ast::Call const &node) {
    if (node.element)
      show(*node.element);
    else
      out += node.callee.text;
    if (!node.indices.empty()) {
      out += '[';
      list(node.indices, [&](ast::Name const &name) { out += name.text; });
      out += ']';
    }
    out += '(';
    expressions(node.arguments);
    optional(" where ", node.where);
    if (!node.statics.empty()) {
      out += "; ";
      list(node.statics, [&](ast::NamedArgument const &argument) {
        put("{}: ", argument.name.text);
        show(argument.value);
      });
    }
    out += ')';
    if (node.as)
      put(" as {}", node.as->text);
  }
  void operator()(ast::Unary const &node) {
    out += node.op == ast::UnaryOp::Not ? "(not " : "(-";
    show(node.operand);
    out += ')';
  }
  void operator()(ast::Chain const &node) {
    out += '(';
    show(node.first);
    for (ast::ChainStep const &step : node.rest) {
      put(" {} ", symbol(step.op));
      show(step.operand);
    }
    out += ')';
  }
  void operator()(ast::ListOf const &node) {
    out += '[';
    expressions(node.items);
    if (node.each) {
      put(" for {} {} ", node.each->name.text, node.each->counts ? "<" : "in");
      show(node.each->over);
    }
    out += ']';
  }

  void type(ast::Type const &node) {
    out += node.element;
    if (node.shape.empty())
      return;
    out += '[';
    expressions(node.shape);
    out += ']';
  }
  void parameters(std::vector<ast::Parameter> const &items) {
    list(items, [&](ast::Parameter const &parameter) {
      put("{}: ", parameter.name.text);
      type(parameter.type);
      optional(" = ", parameter.fallback);
      if (parameter.alphabet) {
        out += " text ";
        (*this)(*parameter.alphabet);
      }
    });
  }

  void line() { out.append(2 * indent, ' '); }
  void operator()(ast::Dims const &node) {
    out += "dim ";
    list(node.dims, [&](ast::DimDeclaration const &dim) {
      out += dim.name.text;
      optional(" <= ", dim.bound);
    });
  }
  void operator()(ast::Params const &node) {
    out += "param ";
    list(node.groups, [&](ast::ParamGroup const &group) {
      list(group.names, [&](ast::Name const &name) { out += name.text; });
      out += ": ";
      type(group.type);
      if (!group.scale.empty()) {
        out += " scale [";
        expressions(group.scale);
        out += ']';
      }
      if (group.from) {
        out += " from ";
        (*this)(*group.from);
      }
    });
  }
  void operator()(ast::Consts const &node) {
    out += "const ";
    list(node.items, [&](ast::ConstItem const &item) {
      put("{} = ", item.name.text);
      show(item.value);
    });
  }
  void operator()(ast::Definition const &node) {
    list(node.targets, [&](ast::Target const &target) {
      out += target.name.text;
      if (target.subscripts.empty())
        return;
      out += '[';
      list(target.subscripts, [&](ast::Subscript const &subscript) {
        show(subscript.index);
        optional(" < ", subscript.bound);
      });
      out += ']';
    });
    out += " = ";
    expressions(node.values);
    optional(" where ", node.where);
    optional(" until ", node.until);
  }
  void operator()(ast::Repeat const &node) {
    out += "repeat ";
    if (node.counter)
      put("{}: ", node.counter->text);
    show(node.count);
    body(node.body);
  }
  void body(std::vector<ast::Statement> const &statements) {
    out += " {\n";
    ++indent;
    for (ast::Statement const &statement : statements) {
      line();
      boost::apply_visitor(*this, statement);
      out += '\n';
    }
    --indent;
    line();
    out += '}';
  }

  void operator()(ast::Import const &node) {
    out += "import ";
    (*this)(node.path);
  }
  void operator()(ast::Callable const &node) {
    static constexpr std::string_view kinds[] = {"fn", "layer", "model"};
    put("{} {}(", kinds[static_cast<int>(node.kind)], node.name.text);
    parameters(node.inputs);
    if (!node.statics.empty()) {
      out += "; ";
      parameters(node.statics);
    }
    out += ") -> ";
    parameters(node.results);
    body(node.body);
  }
};
} // namespace

std::string print(ast::File const &file) {
  Printer printer;
  for (ast::Item const &item : file.items) {
    boost::apply_visitor(printer, item);
    printer.out += '\n';
  }
  return std::move(printer.out);
}

} // namespace heed
