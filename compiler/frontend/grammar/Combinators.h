// Combinators.h - the parsers that X3 lacks: operator chains, counted nesting, one-member nodes, refusals.
#pragma once

#include "compiler/frontend/grammar/Lexical.h"

namespace heed::grammar {

/// Fills one member of a node and sets its range. X3 takes structs of one member for their member, so they cannot be
/// adapted.
template <typename Subject, typename Node, typename Member>
struct Into : x3::unary_parser<Subject, Into<Subject, Node, Member>> {
  using attribute_type = Node;
  static bool const has_attribute = true;

  Member Node::*member;
  Into(Subject const &subject, Member Node::*member) : x3::unary_parser<Subject, Into>(subject), member(member) {}

  template <typename AnyContext, typename RuleContext, typename Attribute>
  bool parse(Iterator &first, Iterator const &last, AnyContext const &context, RuleContext &,
             Attribute &attribute) const {
    Iterator start = skipSpace(first, last);
    Node node;
    if (!this->subject.parse(first, last, context, x3::unused, node.*member))
      return false;
    node.range = session(context).range(start, first);
    x3::traits::move_to(node, attribute);
    return true;
  }
};

template <typename Node, typename Member>
struct IntoGenerator {
  Member Node::*member;
  template <typename Subject>
  auto operator[](Subject const &subject) const {
    return Into<typename x3::extension::as_parser<Subject>::value_type, Node, Member>(x3::as_parser(subject), member);
  }
};
template <typename Node, typename Member>
IntoGenerator<Node, Member> into(Member Node::*member) {
  return {member};
}

/// Counts a level of nesting, so that no text can exhaust the stack of the parser or of a later walk over the tree.
template <typename Subject>
struct Nested : x3::unary_parser<Subject, Nested<Subject>> {
  static bool const is_pass_through_unary = true;
  using x3::unary_parser<Subject, Nested>::unary_parser;

  template <typename AnyContext, typename RuleContext, typename Attribute>
  bool parse(Iterator &first, Iterator const &last, AnyContext const &context, RuleContext &ruleContext,
             Attribute &attribute) const {
    struct Level {
      unsigned &depth;
      explicit Level(unsigned &depth) : depth(++depth) {}
      ~Level() { --depth; }
    } level(session(context).depth);
    if (level.depth > maximumDepth) {
      Iterator at = skipSpace(first, last);
      throw SyntaxError(at, tokenAt(at, last).last, Code::H0701,
                        "nested more than " + std::to_string(maximumDepth) + " deep");
    }
    return this->subject.parse(first, last, context, ruleContext, attribute);
  }
};
struct NestedGenerator {
  template <typename Subject>
  auto operator[](Subject const &subject) const {
    return Nested<typename x3::extension::as_parser<Subject>::value_type>(x3::as_parser(subject));
  }
};
inline constexpr NestedGenerator nested{};

/// Never matches, and where the subject would, says what is wrong.
template <typename Subject>
struct Refuse : x3::unary_parser<Subject, Refuse<Subject>> {
  using attribute_type = x3::unused_type;
  static bool const has_attribute = false;

  Code code;
  char const *text, *remedy;
  Refuse(Subject const &subject, Code code, char const *text, char const *remedy)
      : x3::unary_parser<Subject, Refuse>(subject), code(code), text(text), remedy(remedy) {}

  template <typename AnyContext, typename RuleContext, typename Attribute>
  bool parse(Iterator &first, Iterator const &last, AnyContext const &context, RuleContext &, Attribute &) const {
    Iterator at = skipSpace(first, last), after = at;
    if (this->subject.parse(after, last, context, x3::unused, x3::unused))
      throw SyntaxError(at, after, code, text, remedy);
    return true;
  }
};
template <typename Subject>
auto refuse(Subject const &subject, Code code, char const *text, char const *remedy) {
  return Refuse<typename x3::extension::as_parser<Subject>::value_type>(x3::as_parser(subject), code, text, remedy);
}

/// `operand (operator step)*` as a flat ast::Chain, or the operand alone. The step after an operator is expected.
template <typename Operand, typename Operator, typename StepOperand>
struct ChainOf : x3::parser<ChainOf<Operand, Operator, StepOperand>> {
  using attribute_type = ast::Expr;
  static bool const has_attribute = true;

  Operand operand;
  Operator operators;
  StepOperand stepOperand;
  bool once;
  ChainOf(Operand const &operand, Operator const &operators, StepOperand const &stepOperand, bool once)
      : operand(operand), operators(operators), stepOperand(stepOperand), once(once) {}

  template <typename AnyContext, typename RuleContext, typename Attribute>
  bool parse(Iterator &first, Iterator const &last, AnyContext const &context, RuleContext &,
             Attribute &attribute) const {
    Session &state = session(context);
    Iterator start = skipSpace(first, last);
    ast::Expr head;
    if (!operand.parse(first, last, context, x3::unused, head))
      return false;
    ast::Chain chain;
    ast::ChainStep step;
    for (Iterator at = first; operators.parse(at, last, context, x3::unused, step.op); at = first) {
      Iterator operatorAt = skipSpace(first, last);
      if (!stepOperand.parse(at, last, context, x3::unused, step.operand))
        throw x3::expectation_failure<Iterator>(at, x3::what(stepOperand));
      step.range = state.range(operatorAt, at);
      chain.rest.push_back(std::move(step));
      first = at;
      if (once)
        break;
    }
    if (chain.rest.empty()) {
      x3::traits::move_to(head, attribute);
      return true;
    }
    chain.first = std::move(head);
    chain.range = state.range(start, first);
    ast::Expr whole(std::move(chain));
    x3::traits::move_to(whole, attribute);
    return true;
  }
};
template <typename Operand, typename Operator, typename StepOperand>
auto chain(Operand const &operand, Operator const &operators, StepOperand const &stepOperand, bool once = false) {
  return ChainOf<Operand, Operator, StepOperand>(operand, operators, stepOperand, once);
}
template <typename Operand, typename Operator>
auto chain(Operand const &operand, Operator const &operators) {
  return chain(operand, operators, operand);
}

} // namespace heed::grammar

namespace boost::spirit::x3 {
template <typename Subject>
struct get_info<heed::grammar::Nested<Subject>> {
  using result_type = std::string;
  std::string operator()(heed::grammar::Nested<Subject> const &parser) const { return x3::what(parser.subject); }
};
/// Messages ask for a list's first element.
template <typename Left, typename Right>
struct get_info<list<Left, Right>> {
  using result_type = std::string;
  std::string operator()(list<Left, Right> const &parser) const { return x3::what(parser.left); }
};
} // namespace boost::spirit::x3
