// LogicRules.cpp - or, and, not, comparisons.

#include "compiler/frontend/grammar/Rules.h"

#include <boost/fusion/include/adapt_struct.hpp>

BOOST_FUSION_ADAPT_STRUCT(heed::ast::Unary, op, operand)

namespace heed::grammar {

using ast::BinaryOp;

struct ConjunctionId;
struct NegationId;
struct NotId : Positioned {};
struct ComparisonId;

x3::rule<ConjunctionId, ast::Expr> const conjunction = "an expression";
x3::rule<NegationId, ast::Expr> const negation = "an expression";
x3::rule<NotId, ast::Unary> const notOf = "'not'";
x3::rule<ComparisonId, ast::Expr> const comparison = "an expression";

x3::symbols<BinaryOp> const comparisonOp({{"==", BinaryOp::Equal},
                                          {"!=", BinaryOp::NotEqual},
                                          {"<", BinaryOp::Less},
                                          {"<=", BinaryOp::LessEqual},
                                          {">", BinaryOp::Greater},
                                          {">=", BinaryOp::GreaterEqual}},
                                         "a comparison");

auto const orOp = kwOr >> x3::attr(BinaryOp::Or);
auto const andOp = kwAnd >> x3::attr(BinaryOp::And);

auto const expression_def = nested[chain(conjunction, orOp)];
auto const conjunction_def = chain(negation, andOp);
auto const negation_def = notOf | comparison;
auto const notOf_def = kwNot >> x3::attr(ast::UnaryOp::Not) > nested[negation];
auto const comparison_def = chain(additive, comparisonOp, additive, true) >>
                            refuse(comparisonOp, Code::H0104, "comparisons do not chain",
                                   "write 'a < b and b < c' for 'a < b < c'");

BOOST_SPIRIT_DEFINE(expression, conjunction, negation, notOf, comparison)
BOOST_SPIRIT_INSTANTIATE(ExpressionRule, Iterator, Context)

} // namespace heed::grammar
