// Config.h - what every grammar unit agrees on: one iterator, one context, the state of a parse, and its errors.
//
// X3 instantiates a rule per iterator and context type; a unit that differed in either would not link.
#pragma once

#include "compiler/frontend/Diagnostic.h"

#include <boost/spirit/home/x3.hpp>

#include <optional>
#include <string>

namespace heed::grammar {

namespace x3 = boost::spirit::x3;

using Iterator = char const *;

/// The state of one parse, reachable from the context.
struct Session {
  Iterator begin, end;
  uint32_t base; // global offset of `begin`
  Diagnostics &diagnostics;
  unsigned depth = 0; // brackets, prefix operators and repeats that are open

  uint32_t offset(Iterator at) const { return base + static_cast<uint32_t>(at - begin); }
  ast::Range range(Iterator first, Iterator last) const { return {offset(first), offset(last)}; }
};

inline constexpr unsigned maximumDepth = 256;

/// An error that is no plain "expected X, found Y". Recovery treats both alike.
struct SyntaxError : x3::expectation_failure<Iterator> {
  SyntaxError(Iterator first, Iterator last, Code code, std::string text, std::string remedy = {})
      : expectation_failure(first, text), last(last), code(code), remedy(std::move(remedy)) {}
  ~SyntaxError() = default;
  Iterator last;
  Code code;
  std::string remedy;
};

/// White space, which includes line ends, and comments.
inline auto const skipper = x3::ascii::space | ('#' >> *(x3::char_ - x3::eol));

struct SessionTag {};
using SkipContext = x3::context<x3::skipper_tag, decltype(skipper)>;
using Context = x3::context<SessionTag, Session, SkipContext>;

template <typename AnyContext>
Session &session(AnyContext const &context) {
  return x3::get<SessionTag>(context);
}

/// Rule ids derive from this if their attribute has a position.
struct Positioned {
  template <typename Node, typename AnyContext>
  void on_success(Iterator const &first, Iterator const &last, Node &node, AnyContext const &context) {
    node.range = session(context).range(first, last);
  }
};

} // namespace heed::grammar

// std::optional as an attribute, which X3 of Boost 1.81 knows only as boost::optional.
namespace boost::spirit::x3::traits {
template <typename Value>
struct is_optional<std::optional<Value>> : mpl::true_ {};
template <typename Value>
struct build_optional<std::optional<Value>> {
  using type = std::optional<Value>;
};
template <typename Value>
struct optional_value<std::optional<Value>> : mpl::identity<Value> {};
} // namespace boost::spirit::x3::traits
