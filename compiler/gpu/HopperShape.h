// HopperShape.h - which attentions the Hopper form takes, and in what tiles.
#pragma once

#include "compiler/domain/Sweeps.h"
#include "dialect/HeedOps.h"

#include <optional>

namespace heed::device {

/// Sizes of tiles and where they are in the shared memory of a block. Every tile is made of panels of 64 columns, a row of which
/// is 128 bytes: what tensor copies and wgmma swizzle by.
struct HopperShape {
  static constexpr int64_t panel = 64, rowBytes = 2 * panel, stages = 2, alignment = 1024;
  static constexpr int64_t warpGroup = 128, groupRows = 64, warpLanes = 32;
  int64_t width;  ///< of queries, keys and values
  int64_t groups; ///< warp groups that compute; one more copies
  int64_t keys;   ///< of a tile
  mlir::Type element;

  int64_t rows() const { return groups * groupRows; }
  int64_t threads() const { return (groups + 1) * warpGroup; }
  int64_t workers() const { return groups * warpGroup; } ///< threads that compute
  int64_t warps() const { return workers() / warpLanes; }
  /// Of a thread that copies, or computes: together what the block was started with.
  int64_t producerRegisters() const { return groups == 3 ? 32 : 24; }
  int64_t workerRegisters() const { return groups == 3 ? 160 : 240; }
  int64_t panels() const { return width / panel; }
  int64_t queryBytes() const { return rows() * width * 2; }
  int64_t tileBytes() const { return keys * width * 2; }
  // Offsets from an aligned address.
  int64_t keyOffset() const { return queryBytes(); }
  int64_t valueOffset() const { return keyOffset() + stages * tileBytes(); }
  int64_t barrierOffset() const { return valueOffset() + stages * tileBytes(); }
  int64_t flagOffset() const { return barrierOffset() + 8 * (1 + 4 * stages); }
  int64_t sharedBytes() const { return flagOffset() + 4 * stages * warps() + alignment; }

  /// None for what other forms must do: elements that are not of 16 bits, other widths, scores that are no products, more than
  /// one sweep, residue classes, operands that are no tensors with rows.
  static std::optional<HopperShape> of(ir::AttentionOp op, llvm::ArrayRef<domain::Sweep> sweeps);

  /// The axis of a buffer, and of its tensor map, that `row` numbers.
  static int64_t rowAxis(mlir::AffineMap map, unsigned row);
};

} // namespace heed::device
