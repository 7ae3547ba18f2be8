// Lexical.h - words, punctuation and literals.
#pragma once

#include "compiler/frontend/grammar/Config.h"

#include <string_view>

namespace heed::grammar {

bool isWordCharacter(char byte);

/// A literal's text to its value. Errors inside the literal are reported, and the parse goes on.
ast::Expr makeNumber(Session &session, Iterator first, Iterator last);
ast::Text makeText(Session &session, Iterator first, Iterator last);
void checkName(Session &session, Iterator first, Iterator last);

/// The token at `at`, which is no white space: its end, and its name in messages ("'where'", "the end of the file").
struct Found {
  Iterator last;
  std::string text;
};
Found tokenAt(Iterator at, Iterator end);
Iterator skipSpace(Iterator at, Iterator end);

/// A fixed text. `name` is how messages call it; words do not match the start of longer words.
struct Token : x3::parser<Token> {
  using attribute_type = x3::unused_type;
  static bool const has_attribute = false;

  std::string_view text, name;
  constexpr Token(std::string_view text, std::string_view name) : text(text), name(name) {}

  template <typename AnyContext, typename RuleContext, typename Attribute>
  bool parse(Iterator &first, Iterator const &last, AnyContext const &context, RuleContext &, Attribute &) const {
    Iterator at = first;
    x3::skip_over(at, last, context);
    if (!std::string_view(at, last - at).starts_with(text))
      return false;
    Iterator after = at + text.size();
    if (isWordCharacter(text.back()) && after != last && isWordCharacter(*after))
      return false;
    first = after;
    return true;
  }
};

constexpr Token keyword(std::string_view text, std::string_view name) { return {text, name}; }

inline constexpr Token open{"(", "'('"}, openBracket{"[", "'['"}, openBrace{"{", "'{'"};
// A closing bracket is what is missed when an operator or comma is missing, and messages should say so.
inline constexpr Token close{")", "',' or ')'"}, closeBracket{"]", "',' or ']'"}, closeBrace{"}", "a statement or '}'"};
inline constexpr Token comma{",", "','"}, semicolon{";", "';'"}, colon{":", "':'"}, equals{"=", "'='"},
    arrow{"->", "'->'"};
inline constexpr Token kwWhere{"where", "'where'"}, kwUntil{"until", "'until'"}, kwAs{"as", "'as'"},
    kwFrom{"from", "'from'"};
inline constexpr Token kwText{"text", "'text'"}, kwDim{"dim", "'dim'"}, kwParam{"param", "'param'"},
    kwConst{"const", "'const'"};
inline constexpr Token kwRepeat{"repeat", "'repeat'"}, kwImport{"import", "'import'"}, kwFn{"fn", "'fn'"};
inline constexpr Token kwNot{"not", "'not'"}, kwOr{"or", "'or'"}, kwAnd{"and", "'and'"}, kwTrue{"true", "'true'"},
    kwFalse{"false", "'false'"};

/// How messages call an item of the file.
inline constexpr char const *itemName = "'fn', 'layer', 'model', 'const' or 'import'";

/// Whether a word is reserved.
bool isKeyword(std::string_view word);

} // namespace heed::grammar

namespace boost::spirit::x3 {
template <>
struct get_info<heed::grammar::Token> {
  using result_type = std::string;
  std::string operator()(heed::grammar::Token const &token) const { return std::string(token.name); }
};
} // namespace boost::spirit::x3
