// Recovery.h - goes on after a syntax error, at the next statement or at the next item of the file.
#pragma once

#include "compiler/frontend/grammar/Combinators.h"

namespace heed::grammar {

/// Thrown after an error was reported, to a level that can go on.
struct Unwind {};

/// Reports a failed expectation.
void report(Session &session, x3::expectation_failure<Iterator> const &failure);

/// The start of the next statement of the body that `at` is in, its '}', the next item of the file, or the end.
Iterator nextStatement(Iterator at, Iterator end);
/// The start of the next item of the file, or the end.
Iterator nextItem(Iterator at, Iterator end);
/// Whether an item of the file starts at `at`, which no statement does.
bool startsItem(Iterator at, Iterator end);

/// As many statements as there are. After an error in one, goes on with the next.
template <typename Subject>
struct Recovering : x3::unary_parser<Subject, Recovering<Subject>> {
  using attribute_type = std::vector<ast::Statement>;
  static bool const has_attribute = true;
  using x3::unary_parser<Subject, Recovering>::unary_parser;

  template <typename AnyContext, typename RuleContext, typename Attribute>
  bool parse(Iterator &first, Iterator const &last, AnyContext const &context, RuleContext &,
             Attribute &attribute) const {
    Session &state = session(context);
    unsigned depth = state.depth;
    bool failed = false;
    for (;;) {
      Iterator at = skipSpace(first, last);
      bool atItem = startsItem(at, last);
      if (failed && (at == last || atItem || state.diagnostics.full()))
        throw Unwind(); // a '}' is missing, or was skipped with the statement: nothing new to say
      if (at == last || *at == '}' || atItem)
        return true;
      try {
        ast::Statement statement;
        if (!this->subject.parse(first, last, context, x3::unused, statement))
          throw x3::expectation_failure<Iterator>(at, x3::what(closeBrace));
        attribute.push_back(std::move(statement));
      } catch (x3::expectation_failure<Iterator> const &failure) {
        report(state, failure);
        state.depth = depth;
        failed = true;
        first = nextStatement(failure.where(), last);
      }
    }
  }
};
template <typename Subject>
auto recovering(Subject const &subject) {
  return Recovering<typename x3::extension::as_parser<Subject>::value_type>(x3::as_parser(subject));
}

} // namespace heed::grammar
