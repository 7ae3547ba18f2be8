// ArithmeticRules.cpp - sums, products, signs, powers.

#include "compiler/frontend/grammar/Rules.h"

#include <boost/fusion/include/adapt_struct.hpp>

BOOST_FUSION_ADAPT_STRUCT(heed::ast::Unary, op, operand)

namespace heed::grammar {

using ast::BinaryOp;

struct MultiplicativeId;
struct SignedId;
struct NegativeId : Positioned {};
struct PowerId;
struct ExponentId;

x3::rule<MultiplicativeId, ast::Expr> const multiplicative = "an expression";
x3::rule<SignedId, ast::Expr> const signedPower = "an expression";
x3::rule<NegativeId, ast::Unary> const negative = "'-'";
x3::rule<PowerId, ast::Expr> const power = "an expression";
x3::rule<ExponentId, ast::Expr> const exponent = "an expression";

x3::symbols<BinaryOp> const additiveOp({{"+", BinaryOp::Add}, {"-", BinaryOp::Subtract}}, "'+' or '-'");
x3::symbols<BinaryOp> const multiplicativeOp(
    {{"*", BinaryOp::Multiply}, {"/", BinaryOp::Divide}, {"%", BinaryOp::Remainder}, {"@", BinaryOp::MatMul}},
    "an operator");
x3::symbols<BinaryOp> const powerOp({{"^", BinaryOp::Power}}, "'^'");

auto const additive_def = chain(multiplicative, additiveOp);
auto const multiplicative_def = chain(signedPower, multiplicativeOp);
auto const signedPower_def = negative | power;
auto const negative_def = x3::lit('-') >> x3::attr(ast::UnaryOp::Negate) > nested[signedPower];
// '^' takes the right side first, as a flat chain; a sign in an exponent takes the rest of the chain (2 ^ -x ^ y = 2 ^
// (-(x ^ y))).
auto const power_def = chain(postfix, powerOp, exponent);
auto const exponent_def = negative | postfix;

BOOST_SPIRIT_DEFINE(additive, multiplicative, signedPower, negative, power, exponent)
BOOST_SPIRIT_INSTANTIATE(AdditiveRule, Iterator, Context)

} // namespace heed::grammar
