// Tiles.h - the tiles of every attention of a derived model at given sizes, for pictures.
#pragma once

#include "compiler/lower/Lower.h"
#include "compiler/lower/kernels/Visits.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace heed {

/// Values of run-time sizes and of inputs that are single numbers, by name.
using NamedSizes = std::map<std::string, int64_t>;

struct AttentionTiles {
  mlir::Location place;
  std::string missing; ///< if there are no visits: what has no value
  std::optional<kernels::Visits> visits;
};

/// In the order of the program. Sizes that are not named are 4096, or the largest they can be.
std::vector<AttentionTiles> tilesOf(mlir::ModuleOp derived, TargetOptions const &target, NamedSizes const &sizes);

/// The names that can have a value.
std::vector<std::string> sizeNames(mlir::ModuleOp module);

} // namespace heed
