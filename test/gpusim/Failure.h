// Failure.h - what goes wrong while a module is read or a kernel runs.
#pragma once

#include <fmt/core.h>

#include <stdexcept>

namespace gpusim {

/// `lane` is the one that the message is about, -1 if it is about the whole warp. Who catches it adds the place.
struct Failure : std::runtime_error {
  explicit Failure(std::string const &message, int lane = -1) : std::runtime_error(message), lane(lane) {}
  int lane;
};

template <class... Arguments>
[[noreturn]] void fail(fmt::format_string<Arguments...> text, Arguments &&...arguments) {
  throw Failure(fmt::format(text, std::forward<Arguments>(arguments)...));
}

template <class... Arguments>
[[noreturn]] void failAt(unsigned lane, fmt::format_string<Arguments...> text, Arguments &&...arguments) {
  throw Failure(fmt::format(text, std::forward<Arguments>(arguments)...), int(lane));
}

} // namespace gpusim
