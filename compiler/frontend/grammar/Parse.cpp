// Parse.cpp - a text to its syntax tree.

#include "compiler/frontend/Parse.h"

#include "compiler/frontend/grammar/Encoding.h"
#include "compiler/frontend/grammar/Recovery.h"
#include "compiler/frontend/grammar/Rules.h"

namespace heed {

using namespace grammar;

/// Parses one item, or reports why there is none and moves to the next.
static void parseItem(Iterator &at, Session &session, Context const &context, ast::File &file) {
  try {
    ast::Item parsed;
    if (!item.parse(at, session.end, context, x3::unused, parsed))
      throw x3::expectation_failure<Iterator>(at, x3::what(item));
    file.items.push_back(std::move(parsed));
  } catch (x3::expectation_failure<Iterator> const &failure) {
    report(session, failure);
    at = nextItem(failure.where(), session.end);
  } catch (Unwind) {
    at = nextItem(at, session.end);
  }
  session.depth = 0;
}

ast::File parse(SourceManager const &sources, uint32_t base, Diagnostics &diagnostics) {
  ast::File file;
  std::string_view text = sources.textAt(base);
  Session session{text.data(), text.data() + text.size(), base, diagnostics};
  if (!acceptable(session))
    return file;
  SkipContext skipContext = x3::make_context<x3::skipper_tag>(skipper);
  Context context = x3::make_context<SessionTag>(session, skipContext);
  Iterator start = text.starts_with("\xEF\xBB\xBF") ? session.begin + 3 : session.begin;
  for (Iterator at = skipSpace(start, session.end); at != session.end && !diagnostics.full();
       at = skipSpace(at, session.end))
    parseItem(at, session, context, file);
  return file;
}

} // namespace heed
