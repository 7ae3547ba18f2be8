// Rules.h - the rules that units share. A rule's name is how error messages call it.
#pragma once

#include "compiler/frontend/grammar/Combinators.h"

namespace heed::grammar {

template <typename Attribute, typename Id>
using Rule = x3::rule<Id, Attribute>;

// PrimaryRules.cpp
using NameRule = Rule<ast::Name, struct NameId>;
using TextRule = Rule<ast::Text, struct TextId>;
using PostfixRule = Rule<ast::Expr, struct PostfixId>;
// ArithmeticRules.cpp
using AdditiveRule = Rule<ast::Expr, struct AdditiveId>;
// LogicRules.cpp
using ExpressionRule = Rule<ast::Expr, struct ExpressionId>;
// CallableRules.cpp
using TypeRule = Rule<ast::Type, struct TypeId>;
using ItemRule = Rule<ast::Item, struct ItemId>;
// StatementRules.cpp
using ConstsRule = Rule<ast::Consts, struct ConstsId>;
using BodyRule = Rule<std::vector<ast::Statement>, struct BodyId>;

NameRule const name = "a name";
TextRule const text = "a string";
PostfixRule const postfix = "an expression";
AdditiveRule const additive = "an expression";
ExpressionRule const expression = "an expression";
TypeRule const type = "a type";
ItemRule const item = itemName;
ConstsRule const consts = "'const'";
BodyRule const body = "'{'";

BOOST_SPIRIT_DECLARE(NameRule, TextRule, PostfixRule, AdditiveRule, ExpressionRule, TypeRule, ItemRule, ConstsRule,
                     BodyRule)

auto const expressions = expression % comma;

} // namespace heed::grammar
