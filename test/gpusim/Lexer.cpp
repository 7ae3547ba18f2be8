// Lexer.cpp - words and punctuation of PTX text.
#include "test/gpusim/Lexer.h"

#include "test/gpusim/Failure.h"
#include "test/gpusim/Number.h"

#include <cctype>
#include <cstdlib>

namespace gpusim {

void Lexer::skipBlank() {
  while (at < text.size()) {
    char next = text[at];
    if (next == '\n')
      ++lineNumber;
    if (std::isspace(static_cast<unsigned char>(next))) {
      ++at;
    } else if (text.substr(at, 2) == "//") {
      while (at < text.size() && text[at] != '\n')
        ++at;
    } else if (text.substr(at, 2) == "/*") {
      std::size_t end = text.find("*/", at + 2);
      end = end == text.npos ? text.size() : end + 2;
      for (; at < end; ++at)
        lineNumber += text[at] == '\n';
    } else {
      return;
    }
  }
}

bool Lexer::atEnd() { return peek() == 0; }

char Lexer::peek() {
  skipBlank();
  return at < text.size() ? text[at] : 0;
}

bool Lexer::eat(char wanted) {
  if (peek() != wanted)
    return false;
  ++at;
  return true;
}

void Lexer::expect(char wanted) {
  if (!eat(wanted))
    reject(fmt::format("'{}'", wanted));
}

static bool isWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.' || c == '%';
}

std::string_view Lexer::word() {
  skipBlank();
  std::size_t begin = at;
  while (at < text.size()) {
    if (isWordCharacter(text[at])) {
      ++at;
    } else if (text.substr(at, 2) == "::") { // as in shared::cluster
      at += 2;
    } else {
      break;
    }
  }
  return text.substr(begin, at - begin);
}

std::string_view Lexer::peekWord() {
  skipBlank();
  Lexer copy = *this;
  return copy.word();
}

std::int64_t Lexer::integer() {
  bool negative = eat('-');
  Literal literal;
  std::string_view text = word();
  if (!readLiteral(text, literal) || literal.kind != Literal::Kind::Integer)
    reject("an integer");
  auto value = static_cast<std::int64_t>(literal.bits);
  return negative ? -value : value;
}

void Lexer::skipLine() {
  while (at < text.size() && text[at] != '\n')
    ++at;
}

void Lexer::skipBraces() {
  expect('{');
  for (int depth = 1; depth > 0;) {
    char next = peek();
    if (next == 0)
      reject("'}'");
    if (next == '"') {
      quoted();
      continue;
    }
    depth += next == '{' ? 1 : next == '}' ? -1 : 0;
    ++at;
  }
}

std::string_view Lexer::quoted() {
  expect('"');
  std::size_t begin = at;
  while (at < text.size() && text[at] != '"')
    ++at;
  std::string_view inside = text.substr(begin, at - begin);
  expect('"');
  return inside;
}

void Lexer::reject(std::string const &expected) {
  skipBlank();
  std::string_view rest = text.substr(at, 40);
  fail("line {}: expected {}, found '{}'", lineNumber, expected, rest.substr(0, rest.find('\n')));
}

bool readLiteral(std::string_view word, Literal &literal) {
  if (word.empty() || !std::isdigit(static_cast<unsigned char>(word[0])))
    return false;
  std::string digits(word);
  char *end = nullptr;
  if (digits.size() > 2 && digits[0] == '0' && std::string_view("fFdD").find(digits[1]) != std::string_view::npos) {
    literal.kind = digits[1] == 'f' || digits[1] == 'F' ? Literal::Kind::Float : Literal::Kind::Double;
    literal.bits = std::strtoull(digits.c_str() + 2, &end, 16);
    return *end == 0;
  }
  if (digits.find('.') != std::string::npos) {
    literal.kind = Literal::Kind::Double;
    literal.bits = asBits(std::strtod(digits.c_str(), &end));
    return *end == 0;
  }
  literal.kind = Literal::Kind::Integer;
  if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'B'))
    literal.bits = std::strtoull(digits.c_str() + 2, &end, 2);
  else
    literal.bits = std::strtoull(digits.c_str(), &end, 0);
  return *end == 0 || std::string_view(end) == "U";
}

} // namespace gpusim
