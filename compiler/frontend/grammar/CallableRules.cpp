// CallableRules.cpp - functions, layers, models, their parameters and types, imports.

#include "compiler/frontend/grammar/Rules.h"

#include <boost/fusion/include/adapt_struct.hpp>

BOOST_FUSION_ADAPT_STRUCT(heed::ast::Type, element, shape)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Parameter, name, type, fallback, alphabet)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Callable, kind, name, inputs, statics, results, body)

namespace heed::grammar {

using ast::CallableKind;

struct TypeId : Positioned {};
struct ParameterId : Positioned {};
struct CallableId : Positioned {};

x3::rule<struct ElementId, std::string> const element = "a type";
x3::rule<ParameterId, ast::Parameter> const parameter = "a parameter";
x3::rule<struct ParametersId, std::vector<ast::Parameter>> const parameters = "a parameter";
x3::rule<struct KindId, CallableKind> const kind = "'fn', 'layer' or 'model'";
x3::rule<CallableId, ast::Callable> const callable = "'fn', 'layer' or 'model'";
x3::rule<struct ImportId, ast::Import> const import = "'import'";

auto const readElement = [](auto const &context) { x3::_val(context) = x3::_attr(context).text; };
auto const readFn = [](auto const &context) { x3::_val(context) = "fn"; };

auto const shape = openBracket > expressions > closeBracket;
auto const element_def = name[readElement] | kwFn[readFn];
auto const type_def = (element >> -shape) | (x3::attr(std::string()) >> shape);

auto const parameter_def = name > colon > type > -(equals > expression) > -(kwText > text);
auto const parameters_def = parameter % comma;

Token const closeParameters{")", "',', ';' or ')'"};
auto const kind_def = (kwFn >> x3::attr(CallableKind::Function)) |
                      (keyword("layer", "'layer'") >> x3::attr(CallableKind::Layer)) |
                      (keyword("model", "'model'") >> x3::attr(CallableKind::Model));
auto const callable_def = kind > name > open > -parameters > -(semicolon > parameters) > closeParameters > arrow
                          > parameters > body;
auto const import_def = into(&ast::Import::path)[kwImport > text];
auto const item_def = import | consts | callable;

BOOST_SPIRIT_DEFINE(element, type, parameter, parameters, kind, callable, import, item)
BOOST_SPIRIT_INSTANTIATE(TypeRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(ItemRule, Iterator, Context)

} // namespace heed::grammar
