// DriverTensorMap.cpp - cuTensorMapEncodeTiled, with the limits that the real one checks.
#include "test/gpusim/Driver.h"
#include "test/gpusim/TensorMap.h"

#include <cstring>

using namespace gpusim;

GPUSIM_EXPORT Result cuTensorMapEncodeTiled(TensorMapBytes *result, int type, std::uint32_t rank, void *base,
                                            std::uint64_t const *sizes, std::uint64_t const *strides,
                                            std::uint32_t const *box, std::uint32_t const *elementStrides,
                                            int interleave, int swizzle, int, int fill) {
  // u8, u16, u32, i32, u64, i64, f16, f32, f64, bf16, f32 flushed, tf32, tf32 flushed
  static constexpr std::uint8_t ElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  auto refuse = [](std::string const &why) {
    report("cuTensorMapEncodeTiled", why);
    return InvalidValue;
  };
  if (type < 0 || type > 12 || rank < 1 || rank > 5 || swizzle < 0 || swizzle > 3 || fill < 0 || fill > 1)
    return refuse("a type, rank, swizzle or fill that does not exist");
  if (interleave)
    return refuse("interleaved layouts are not supported");
  if (std::uint64_t(result) % 64 || std::uint64_t(base) % 16)
    return refuse("the map must be aligned to 64 bytes, the tensor to 16");
  TensorMap map;
  map.mark = TensorMap::Mark;
  map.rank = std::uint8_t(rank);
  map.elementBytes = ElementBytes[type];
  map.fillsWithNan = fill == 1;
  // The enumeration of the driver counts 32, 64, 128 bytes.
  constexpr Swizzle Kinds[] = {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64, Swizzle::Bytes128};
  map.swizzle = Kinds[swizzle];
  map.base = std::uint64_t(base);
  map.stride[0] = map.elementBytes;
  for (std::uint32_t axis = 0; axis < rank; ++axis) {
    if (sizes[axis] == 0 || sizes[axis] > std::uint64_t(1) << 32)
      return refuse(fmt::format("size {} of axis {}", sizes[axis], axis));
    if (box[axis] == 0 || box[axis] > 256)
      return refuse(fmt::format("box of {} on axis {}: at most 256", box[axis], axis));
    if (elementStrides[axis] != 1)
      return refuse("element strides other than 1 are not supported");
    map.size[axis] = std::uint32_t(sizes[axis]);
    map.box[axis] = box[axis];
    if (axis > 0) {
      if (strides[axis - 1] % 16 || strides[axis - 1] >= std::uint64_t(1) << 40)
        return refuse(fmt::format("a stride of {} bytes: expected a multiple of 16", strides[axis - 1]));
      map.stride[axis] = strides[axis - 1];
    }
  }
  std::uint32_t inner = box[0] * map.elementBytes;
  if (inner % 16)
    return refuse(fmt::format("rows of {} bytes in the box: expected a multiple of 16", inner));
  if (map.swizzle != Swizzle::None && inner > spanOf(map.swizzle))
    return refuse(fmt::format("rows of {} bytes in the box, more than the swizzle's {}", inner, spanOf(map.swizzle)));
  std::memset(result, 0, sizeof *result);
  std::memcpy(result, &map, sizeof map);
  return Success;
}
