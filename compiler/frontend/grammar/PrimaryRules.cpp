// PrimaryRules.cpp - names, literals, subscripts, calls, lists.

#include "compiler/frontend/grammar/Rules.h"

#include <boost/fusion/include/adapt_struct.hpp>

namespace heed::grammar {

/// What stands in the parentheses of a call, and its name.
struct Application {
  std::vector<ast::Expr> arguments;
  std::optional<ast::Expr> where;
  std::vector<ast::NamedArgument> statics;
  std::optional<ast::Name> as;
};

} // namespace heed::grammar

BOOST_FUSION_ADAPT_STRUCT(heed::ast::NamedArgument, name, value)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Call, callee, indices, arguments, where, statics, as)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::Each, name, counts, over)
BOOST_FUSION_ADAPT_STRUCT(heed::ast::ListOf, items, each)
BOOST_FUSION_ADAPT_STRUCT(heed::grammar::Application, arguments, where, statics, as)

namespace heed::grammar {

struct NamedArgumentId : Positioned {};
struct CallId : Positioned {};
struct EachId : Positioned {};
struct ListId : Positioned {};
struct ArgumentsId;

x3::rule<struct WordId, std::string> const word = "a name";
x3::rule<struct PrimaryId, ast::Expr> const primary = "an expression";
x3::rule<struct NumberId, ast::Expr> const number = "a number";
x3::rule<struct TruthId, ast::Boolean> const truth = "a truth value";
x3::rule<EachId, ast::Each> const each = "'for'";
x3::rule<ListId, ast::ListOf> const list = "a list";
x3::rule<struct ApplicationId, Application> const application = "'('";
x3::rule<NamedArgumentId, ast::NamedArgument> const namedArgument = "a named argument";
x3::rule<struct NamedArgumentsId, std::vector<ast::NamedArgument>> const namedArguments = "a named argument";
x3::rule<struct SubscriptsId, std::vector<ast::Expr>> const subscripts = "'['";
x3::rule<CallId, ast::Call> const call = "a call";

auto const wordShape = x3::raw[x3::lexeme[(x3::ascii::alpha | '_') >> *(x3::ascii::alnum | '_')]];

auto const readWord = [](auto const &context) {
  auto found = x3::_attr(context);
  std::string_view text(found.begin(), found.size());
  x3::_pass(context) = !isKeyword(text);
  if (isKeyword(text))
    return;
  checkName(session(context), found.begin(), found.end());
  x3::_val(context) = text;
};
auto const readNumber = [](auto const &context) {
  auto found = x3::_attr(context);
  x3::_val(context) = makeNumber(session(context), found.begin(), found.end());
};
auto const readText = [](auto const &context) {
  auto found = x3::_attr(context);
  x3::_val(context) = makeText(session(context), found.begin(), found.end());
};

/// `x[i][j]` is an Index of an Index, `fs[i + 1](x)` a Call of an Index.
auto const takePrimary = [](auto const &context) { x3::_val(context) = std::move(x3::_attr(context)); };
auto const takeSubscripts = [](auto const &context) {
  ast::Index index;
  index.base = std::move(x3::_val(context));
  index.subscripts = std::move(x3::_attr(context));
  Iterator last = x3::_where(context).begin();
  index.range = {rangeOf(index.base).first, session(context).offset(last)};
  x3::_val(context) = std::move(index);
};
auto const takeApplication = [](auto const &context) {
  ast::Call call;
  auto &index = boost::get<x3::forward_ast<ast::Index>>(x3::_val(context).get()).get();
  if (auto *name = boost::get<ast::Name>(&index.base.get()))
    call.callee = *name;
  call.callee.range = index.range;
  uint32_t first = index.range.first;
  call.element = std::move(x3::_val(context));
  Application &found = x3::_attr(context);
  call.arguments = std::move(found.arguments);
  call.where = std::move(found.where);
  call.statics = std::move(found.statics);
  call.as = std::move(found.as);
  Iterator last = x3::_where(context).begin();
  call.range = {first, session(context).offset(last)};
  x3::_val(context) = std::move(call);
};

auto const word_def = wordShape[readWord];
auto const name_def = into(&ast::Name::text)[word];
auto const number_def = x3::raw[x3::lexeme[+x3::ascii::digit >> -('.' >> +x3::ascii::digit) >>
                                           -(x3::char_("eE") >> -x3::char_("+-") >> +x3::ascii::digit)]][readNumber];
auto const text_def =
    x3::raw[x3::lexeme['"' >> *(('\\' >> (x3::char_ - x3::eol)) | (x3::char_ - (x3::lit('"') | '\\' | x3::eol))) >>
                       -x3::lit('"')]][readText];
auto const truth_def = into(&ast::Boolean::value)[(kwTrue >> x3::attr(true)) | (kwFalse >> x3::attr(false))];
Token const kwFor{"for", "'for'"}, kwIn{"in", "'<' or 'in'"}, below{"<", "'<' or 'in'"};
auto const each_def = kwFor > name > ((below >> x3::attr(true)) | (kwIn >> x3::attr(false))) > expression;
auto const noItems = &x3::lit(']') >> x3::attr(std::vector<ast::Expr>()) >> x3::attr(std::optional<ast::Each>());
auto const list_def = openBracket > (noItems | (expressions > -each)) > closeBracket;

// What starts with a name is settled by looking ahead over plain names, so nothing is parsed twice.
auto const bracketedNames = openBracket >> name % comma >> closeBracket;
auto const callAhead = x3::omit[name >> -bracketedNames >> open];
auto const namedAhead = x3::omit[name >> colon];

auto const namedArgument_def = name > colon > expression;
auto const namedArguments_def = namedArgument % comma;
auto const positional = !namedAhead >> expression;
auto const positionals = positional % comma >> refuse(comma >> namedAhead, Code::H0105,
                                                      "a named argument stands among positional ones",
                                                      "write ';' before the first argument that is given by name");
// f(a, b; heads: 8), f(; heads: 8), f(heads: 8), f().
auto const argumentList = -positionals > -(kwWhere > expression) >
                          -((semicolon > namedArguments) | (&namedAhead >> namedArguments)) > close > -(kwAs > name);
auto const call_def = &callAhead >> name >> -bracketedNames >> open > argumentList;
auto const application_def = open > argumentList;

Token const closeParenthesis{")", "')'"};
auto const subscripts_def = openBracket > expressions > closeBracket;
auto const primary_def = number | truth | text | call | name | (open > expression > closeParenthesis) | list;
auto const postfix_def = primary[takePrimary] >> x3::repeat(0u, maximumDepth)[subscripts[takeSubscripts] >> -application[takeApplication]];

BOOST_SPIRIT_DEFINE(word, name, number, text, truth, each, list, namedArgument, namedArguments, call, application,
                    subscripts, primary, postfix)
BOOST_SPIRIT_INSTANTIATE(NameRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(TextRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(PostfixRule, Iterator, Context)

} // namespace heed::grammar
