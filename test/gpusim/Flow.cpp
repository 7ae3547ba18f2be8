// Flow.cpp - where the paths of a branch meet again.
//
// Lanes that a branch parts go on together at its immediate post-dominator: the first instruction that every path to
// the exit passes. Waiting for the lowest pc instead would be wrong: LLVM lays out blocks in other orders.
#include "test/gpusim/Program.h"

#include <algorithm>

namespace gpusim {

namespace {

/// Basic blocks with the exit as a block of its own, the last.
struct Graph {
  std::vector<std::uint32_t> begins;               ///< of each block; the exit's is the end of the code
  std::vector<std::vector<std::uint32_t>> follows; ///< of each block
  std::vector<std::uint32_t> blockOf;              ///< of each instruction
};

Graph build(Kernel const &kernel) {
  auto const &code = kernel.instructions;
  auto end = std::uint32_t(code.size());
  std::vector<bool> leads(end + 1, false);
  leads[0] = leads[end] = true;
  for (std::uint32_t at = 0; at < end; ++at) {
    Instruction const &i = code[at];
    if (i.flow == Instruction::Flow::Next)
      continue;
    leads[at + 1] = true;
    if (i.flow == Instruction::Flow::Branch)
      leads[i.target] = true;
    if (i.flow == Instruction::Flow::BranchTable)
      for (std::uint32_t target : i.list)
        leads[target] = true;
  }
  Graph graph;
  graph.blockOf.resize(end + 1);
  for (std::uint32_t at = 0; at <= end; ++at) {
    if (leads[at])
      graph.begins.push_back(at);
    graph.blockOf[at] = std::uint32_t(graph.begins.size() - 1);
  }
  std::uint32_t exit = graph.blockOf[end];
  graph.follows.resize(graph.begins.size());
  for (std::uint32_t block = 0; block < exit; ++block) {
    Instruction const &last = code[graph.begins[block + 1] - 1];
    auto &follows = graph.follows[block];
    if (last.flow == Instruction::Flow::Branch)
      follows.push_back(graph.blockOf[last.target]);
    else if (last.flow == Instruction::Flow::Exit)
      follows.push_back(exit);
    else if (last.flow == Instruction::Flow::BranchTable)
      for (std::uint32_t target : last.list)
        follows.push_back(graph.blockOf[target]);
    if (last.flow == Instruction::Flow::Next || last.guarded)
      follows.push_back(block + 1);
  }
  return graph;
}

/// Immediate post-dominators by the iterative method of Cooper, Harvey and Kennedy on the reversed graph.
class PostDominators {
public:
  explicit PostDominators(Graph const &graph) : graph(graph), exit(std::uint32_t(graph.begins.size() - 1)) {
    std::vector<std::vector<std::uint32_t>> precedes(graph.begins.size());
    for (std::uint32_t block = 0; block < graph.follows.size(); ++block)
      for (std::uint32_t next : graph.follows[block])
        precedes[next].push_back(block);
    number.assign(graph.begins.size(), Unknown);
    // Post-order from the exit over reversed edges, without recursion.
    std::vector<std::pair<std::uint32_t, std::size_t>> path = {{exit, 0}};
    std::vector<bool> seen(graph.begins.size(), false);
    seen[exit] = true;
    while (!path.empty()) {
      auto &[block, next] = path.back();
      if (next < precedes[block].size()) {
        std::uint32_t before = precedes[block][next++];
        if (!seen[before]) {
          seen[before] = true;
          path.push_back({before, 0});
        }
      } else {
        number[block] = std::uint32_t(order.size());
        order.push_back(block);
        path.pop_back();
      }
    }
    solve();
  }

  /// The exit for a block from which no path leads to it.
  std::uint32_t of(std::uint32_t block) const { return immediate[block] == Unknown ? exit : immediate[block]; }

private:
  static constexpr std::uint32_t Unknown = ~0u;

  void solve() {
    immediate.assign(graph.begins.size(), Unknown);
    immediate[exit] = exit;
    for (bool changed = true; changed;) {
      changed = false;
      for (auto block = order.rbegin(); block != order.rend(); ++block) {
        if (*block == exit)
          continue;
        std::uint32_t meet = Unknown;
        for (std::uint32_t next : graph.follows[*block])
          if (number[next] != Unknown && immediate[next] != Unknown)
            meet = meet == Unknown ? next : intersect(meet, next);
        if (meet != immediate[*block]) {
          immediate[*block] = meet;
          changed = true;
        }
      }
    }
  }

  std::uint32_t intersect(std::uint32_t a, std::uint32_t b) const {
    while (a != b) {
      while (number[a] < number[b])
        a = immediate[a];
      while (number[b] < number[a])
        b = immediate[b];
    }
    return a;
  }

  Graph const &graph;
  std::uint32_t exit;
  std::vector<std::uint32_t> order, number, immediate;
};

} // namespace

void findReconvergence(Kernel &kernel) {
  if (kernel.instructions.empty())
    return;
  Graph graph = build(kernel);
  PostDominators dominators(graph);
  for (std::uint32_t at = 0; at < kernel.instructions.size(); ++at) {
    Instruction &i = kernel.instructions[at];
    if (i.flow != Instruction::Flow::Next)
      i.reconvergence = graph.begins[dominators.of(graph.blockOf[at])];
  }
}

} // namespace gpusim
