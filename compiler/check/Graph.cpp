// Graph.cpp - strongly connected components (Tarjan 1972, with its own stack).

#include "compiler/check/Graph.h"

#include <algorithm>
#include <utility>

namespace heed::elaborate {

std::vector<std::vector<size_t>> components(std::vector<std::vector<size_t>> const &edges) {
  size_t count = edges.size(), next = 1;
  std::vector<size_t> order(count), low(count), stack;
  std::vector<bool> onStack(count);
  std::vector<std::vector<size_t>> result;
  for (size_t root = 0; root < count; ++root) {
    if (order[root])
      continue;
    std::vector<std::pair<size_t, size_t>> work = {{root, 0}};
    while (!work.empty()) {
      auto &[node, edge] = work.back();
      if (edge == 0) {
        order[node] = low[node] = next++;
        stack.push_back(node);
        onStack[node] = true;
      }
      if (edge < edges[node].size()) {
        size_t other = edges[node][edge++];
        if (!order[other])
          work.emplace_back(other, 0);
        else if (onStack[other])
          low[node] = std::min(low[node], order[other]);
        continue;
      }
      size_t done = node;
      if (low[done] == order[done]) {
        result.emplace_back();
        size_t member = 0;
        do {
          member = stack.back();
          stack.pop_back();
          onStack[member] = false;
          result.back().push_back(member);
        } while (member != done);
        std::sort(result.back().begin(), result.back().end());
      }
      work.pop_back();
      if (!work.empty())
        low[work.back().first] = std::min(low[work.back().first], low[done]);
    }
  }
  return result;
}

} // namespace heed::elaborate
