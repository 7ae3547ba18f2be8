// Modifiers.cpp - the words of a mnemonic, each used once.
#include "test/gpusim/Decoder.h"

namespace gpusim {

bool Modifiers::has(std::string_view word) const {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!taken[i] && words[i] == word)
      return true;
  return false;
}

bool Modifiers::take(std::string_view word) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!taken[i] && words[i] == word) {
      taken[i] = true;
      return true;
    }
  return false;
}

std::optional<unsigned> Modifiers::takeOneOf(std::initializer_list<std::string_view> choices) {
  unsigned index = 0;
  for (std::string_view choice : choices) {
    if (take(choice))
      return index;
    ++index;
  }
  return std::nullopt;
}

Type Modifiers::takeTypeIfAny() {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (Type type = typeNamed(words[i]); !taken[i] && type != Type::None) {
      taken[i] = true;
      return type;
    }
  return Type::None;
}

Type Modifiers::takeType() {
  Type type = takeTypeIfAny();
  if (type == Type::None)
    fail("a type is missing");
  return type;
}

std::optional<std::string> Modifiers::takePrefixed(std::string_view prefix) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!taken[i] && std::string_view(words[i]).starts_with(prefix)) {
      taken[i] = true;
      return words[i];
    }
  return std::nullopt;
}

void Modifiers::finish() const {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!taken[i])
      fail("'.{}' is not supported here", words[i]);
}

} // namespace gpusim
