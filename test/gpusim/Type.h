// Type.h - the types that a PTX instruction names, and the state spaces.
#pragma once

#include <cstdint>
#include <string_view>

namespace gpusim {

enum class Type : std::uint8_t {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  B128,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  BF16,
  F32,
  F64,
  F16x2,
  BF16x2,
  TF32,
};

enum class Space : std::uint8_t { Generic, Global, Shared, Local, Param, Const };

/// `None` for a word that is not a type.
Type typeNamed(std::string_view name);
unsigned bytesOf(Type type);

constexpr bool isSigned(Type type) { return type >= Type::S8 && type <= Type::S64; }
constexpr bool isFloating(Type type) { return type >= Type::F16; }

} // namespace gpusim
