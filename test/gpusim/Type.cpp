// Type.cpp - names and sizes of PTX types.
#include "test/gpusim/Type.h"

#include <array>
#include <utility>

namespace gpusim {

namespace {
constexpr std::array<std::pair<std::string_view, Type>, 21> Names = {{
    {"pred", Type::Pred}, {"b8", Type::B8},   {"b16", Type::B16}, {"b32", Type::B32},     {"b64", Type::B64},
    {"b128", Type::B128}, {"u8", Type::U8},   {"u16", Type::U16}, {"u32", Type::U32},     {"u64", Type::U64},
    {"s8", Type::S8},     {"s16", Type::S16}, {"s32", Type::S32}, {"s64", Type::S64},     {"f16", Type::F16},
    {"bf16", Type::BF16}, {"f32", Type::F32}, {"f64", Type::F64}, {"f16x2", Type::F16x2}, {"bf16x2", Type::BF16x2},
    {"tf32", Type::TF32},
}};
} // namespace

Type typeNamed(std::string_view name) {
  for (auto const &[word, type] : Names)
    if (word == name)
      return type;
  return Type::None;
}

unsigned bytesOf(Type type) {
  switch (type) {
  case Type::None:
    return 0;
  case Type::Pred:
    return 4;
  case Type::B8:
  case Type::U8:
  case Type::S8:
    return 1;
  case Type::B16:
  case Type::U16:
  case Type::S16:
  case Type::F16:
  case Type::BF16:
    return 2;
  case Type::B64:
  case Type::U64:
  case Type::S64:
  case Type::F64:
    return 8;
  case Type::B128:
    return 16;
  default:
    return 4;
  }
}

} // namespace gpusim
