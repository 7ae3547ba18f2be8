// StatementRules.cpp - what stands in a body: dim, param, const, repeat, definitions.

#include "compiler/frontend/grammar/Recovery.h"
#include "compiler/frontend/grammar/Rules.h"

#include <boost/fusion/include/adapt_struct.hpp>

BOOST_FUSION_ADAPT_STRUCT(heed::ast::DimDeclaration, name, bound)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::ParamGroup, names, type, scale, from)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::ConstItem, name, value)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Repeat, counter, count, body)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Subscript, index, bound)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Target, name, subscripts)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Definition, targets, values, where, until)

namespace heed::grammar {

struct DimId : Positioned {};
struct GroupId : Positioned {};
struct ConstItemId : Positioned {};
struct RepeatId : Positioned {};
struct SubscriptId : Positioned {};
struct TargetId : Positioned {};
struct DefinitionId : Positioned {};

x3::rule<DimId, ast::DimDeclaration> const dim = "a name";
x3::rule<struct DimsId, ast::Dims> const dims = "'dim'";
x3::rule<GroupId, ast::ParamGroup> const group = "a name";
x3::rule<struct ScaleId, std::vector<ast::Expr>> const scale = "'scale'";
x3::rule<struct ParamsId, ast::Params> const params = "'param'";
x3::rule<ConstItemId, ast::ConstItem> const constItem = "a name";
x3::rule<RepeatId, ast::Repeat> const repeat = "'repeat'";
x3::rule<SubscriptId, ast::Subscript> const subscript = "an index";
x3::rule<TargetId, ast::Target> const target = "a name";
x3::rule<DefinitionId, ast::Definition> const definition = "a definition";
x3::rule<struct StatementId, ast::Statement> const statement = "a statement";

Token const lessEqual{"<=", "'<='"}, less{"<", "'<'"};

auto const dim_def = name >> -(lessEqual > expression);
auto const dims_def = into(&ast::Dims::dims)[kwDim > dim % comma];
// 'scale' is no keyword: what follows the type may also be the definition of something called so.
auto const definitionAhead = x3::omit[target % comma >> equals];
auto const scale_def = keyword("scale", "'scale'") >> openBracket > expressions > closeBracket;
auto const group_def = name % comma > colon > type > -(!definitionAhead >> scale) > -(kwFrom > text);
auto const params_def = into(&ast::Params::groups)[kwParam > group % comma];
auto const constItem_def = name > equals > expression;
auto const consts_def = into(&ast::Consts::items)[kwConst > constItem % comma];
auto const repeat_def = kwRepeat > -(name >> colon) > expression > nested[body];

auto const subscript_def = additive >> -(less > additive);
auto const target_def = name >> -(openBracket > subscript % comma > closeBracket);
auto const definition_def = target % comma > equals > expressions > -(kwWhere > expression) > -(kwUntil > expression);

auto const statement_def = dims | params | consts | repeat | definition;
auto const body_def = openBrace > recovering(statement) > closeBrace;

BOOST_SPIRIT_DEFINE(dim, dims, scale, group, params, constItem, consts, repeat, subscript, target, definition, statement, body)
BOOST_SPIRIT_INSTANTIATE(ConstsRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(BodyRule, Iterator, Context)

} // namespace heed::grammar
