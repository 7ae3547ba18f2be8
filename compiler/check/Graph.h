// Graph.h - strongly connected components.
#pragma once

#include <cstddef>
#include <vector>

namespace heed::elaborate {

/// The components of the graph, each after those it has edges to; members in ascending order. No recursion.
std::vector<std::vector<size_t>> components(std::vector<std::vector<size_t>> const &edges);

} // namespace heed::elaborate
