// Special.cpp - values of the special registers.
#include "test/gpusim/Special.h"

#include "test/gpusim/Machine.h"

#include <iterator>

namespace gpusim {

namespace {

constexpr std::string_view Names[] = {"%tid.x",
                                      "%tid.y",
                                      "%tid.z",
                                      "%ntid.x",
                                      "%ntid.y",
                                      "%ntid.z",
                                      "%ctaid.x",
                                      "%ctaid.y",
                                      "%ctaid.z",
                                      "%nctaid.x",
                                      "%nctaid.y",
                                      "%nctaid.z",
                                      "%laneid",
                                      "%warpid",
                                      "%nwarpid",
                                      "%smid",
                                      "%nsmid",
                                      "%gridid",
                                      "%clusterid.x",
                                      "%clusterid.y",
                                      "%clusterid.z",
                                      "%nclusterid.x",
                                      "%nclusterid.y",
                                      "%nclusterid.z",
                                      "%cluster_ctaid.x",
                                      "%cluster_ctaid.y",
                                      "%cluster_ctaid.z",
                                      "%cluster_nctaid.x",
                                      "%cluster_nctaid.y",
                                      "%cluster_nctaid.z",
                                      "%cluster_ctarank",
                                      "%cluster_nctarank",
                                      "%lanemask_eq",
                                      "%lanemask_le",
                                      "%lanemask_lt",
                                      "%lanemask_ge",
                                      "%lanemask_gt",
                                      "%dynamic_smem_size",
                                      "%total_smem_size",
                                      "%clock",
                                      "%clock64",
                                      "%globaltimer",
                                      "%globaltimer_lo"};

/// Of the names that end in a coordinate.
int axisOf(std::string_view name) { return name.size() > 2 && name[name.size() - 2] == '.' ? name.back() - 'x' : -1; }

} // namespace

bool isSpecial(std::string_view name) { return std::find(std::begin(Names), std::end(Names), name) != std::end(Names); }

std::uint64_t specialValue(std::string_view name, Warp const &warp, unsigned lane) {
  Launch const &launch = *warp.block->launch;
  unsigned thread = 32 * warp.number + lane;
  if (int axis = axisOf(name); axis >= 0) {
    std::string_view stem = name.substr(0, name.size() - 2);
    unsigned const *size = launch.threads;
    unsigned const position[] = {thread % size[0], thread / size[0] % size[1], thread / size[0] / size[1]};
    if (stem == "%tid")
      return position[axis];
    if (stem == "%ntid")
      return size[axis];
    if (stem == "%ctaid" || stem == "%clusterid")
      return warp.block->index[axis];
    if (stem == "%nctaid" || stem == "%nclusterid")
      return launch.grid[axis];
    return stem == "%cluster_nctaid" ? 1 : 0;
  }
  if (name == "%laneid")
    return lane;
  if (name == "%warpid")
    return warp.number;
  if (name == "%nwarpid")
    return warp.block->warps.size();
  if (name == "%nsmid" || name == "%cluster_nctarank")
    return 1;
  std::uint64_t bit = std::uint64_t(1) << lane;
  if (name == "%lanemask_eq")
    return bit;
  if (name == "%lanemask_le")
    return 2 * bit - 1;
  if (name == "%lanemask_lt")
    return bit - 1;
  if (name == "%lanemask_ge")
    return std::uint32_t(~(bit - 1));
  if (name == "%lanemask_gt")
    return std::uint32_t(~(2 * bit - 1));
  if (name == "%dynamic_smem_size")
    return launch.dynamicShared;
  if (name == "%total_smem_size")
    return launch.shared.size();
  return 0;
}

} // namespace gpusim
