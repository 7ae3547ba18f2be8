// Lexer.h - words and punctuation of PTX text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gpusim {

class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) {}

  bool atEnd();
  /// The next character that is not blank or comment; 0 at the end.
  char peek();
  bool eat(char wanted);
  void expect(char wanted);
  /// A name, number or dotted mnemonic; empty if punctuation stands here.
  std::string_view word();
  std::string_view peekWord();
  std::int64_t integer();
  void skipLine();
  /// Skips up to and with the brace that closes the next open one.
  void skipBraces();
  /// A quoted string, without its quotes.
  std::string_view quoted();

  unsigned line() const { return lineNumber; }
  std::size_t position() const { return at; }
  std::string_view from(std::size_t begin) const { return text.substr(begin, at - begin); }
  /// Fails with the line and what stands here.
  [[noreturn]] void reject(std::string const &expected);

private:
  void skipBlank();

  std::string_view text;
  std::size_t at = 0;
  unsigned lineNumber = 1;
};

/// The bits of a PTX literal, and whether it is a float (0f..., decimal) or a double (0d...).
struct Literal {
  enum class Kind { Integer, Float, Double } kind = Kind::Integer;
  std::uint64_t bits = 0;
};
bool readLiteral(std::string_view word, Literal &literal);

} // namespace gpusim
