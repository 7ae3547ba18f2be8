// Special.h - the read-only registers that tell a thread where it is.
#pragma once

#include <cstdint>
#include <string_view>

namespace gpusim {

struct Warp;

bool isSpecial(std::string_view name);
/// The value of a special register that stays the same while a warp runs.
std::uint64_t specialValue(std::string_view name, Warp const &warp, unsigned lane);

} // namespace gpusim
