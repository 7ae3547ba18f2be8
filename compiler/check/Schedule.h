// Schedule.h - from elaborated definitions to the steps of a program.
#pragma once

#include "compiler/check/Elaborator.h"

namespace heed::elaborate {

/// Resolves all sizes, drops what no output needs, orders the rest, and makes recurrences of the cycles. Fills
/// program.steps; `origins` then says for every defined tensor which elaborated definition it is.
class Scheduler {
public:
  explicit Scheduler(Elaborator &elaborator) : e(elaborator), program(elaborator.program) {}
  void run();
  std::vector<Emitted const *> origins;

private:
  Elaborator &e;
  Program &program;
  std::vector<Emitted *> definitions; // live ones

  struct Read {
    size_t target; // position in `definitions`
    Expr::Read const *read;
    ast::Range range;
    bool ordered; // not through `until` or a start
  };
  std::vector<std::vector<Read>> reads;

  std::set<DimId> unknowns;
  bool allKnown = true;

  bool resolveSizes();
  bool isNewUnknown(Size const &size);
  void checkDims();
  bool checkRanges(ExprPtr const &expr, Emitted const &owner);
  void makeRecurrence(std::vector<size_t> const &members);
  bool findTimeAxes(std::vector<size_t> const &members, std::map<size_t, int> &axes);
  bool orderMembers(std::vector<size_t> const &members, std::map<size_t, int> const &axes, std::vector<size_t> &order,
                    bool &backward);
  void reportCycle(std::vector<size_t> const &members);
  void setUntil(Recurrence &recurrence, Emitted &member, IndexMap const &renaming);
};

/// k if `expr` is index + k.
std::optional<int64_t> shiftFrom(ExprPtr const &expr, IndexId index);
/// All reads in `expr`, each node once.
void collectReads(ExprPtr const &expr, std::vector<Expr const *> &reads);

} // namespace heed::elaborate
