// Regions.h - questions about the scalar code in the regions of definitions.
#pragma once

#include "compiler/derive/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace heed::derive {

using IndexSet = llvm::SmallSetVector<mlir::Value, 8>;

/// The block arguments inside `top` that `value` depends on, directly or through operations inside `top`.
void collectIndices(mlir::Value value, mlir::Operation *top, IndexSet &indices);
IndexSet indicesOf(mlir::Value value, mlir::Operation *top);

/// Copies what `value` needs from inside `top` to the insertion point. Block arguments must be in `map`.
mlir::Value cloneSlice(mlir::OpBuilder &builder, mlir::Value value, mlir::Operation *top, mlir::IRMapping &map);

/// `value` as an affine expression over `dims` (and, if `symbols` is given, over other values, which are appended to
/// it). Null if it is not affine.
mlir::AffineExpr affineOf(mlir::Value value, mlir::ValueRange dims,
                          llvm::SmallVectorImpl<mlir::Value> *symbols = nullptr);
/// The subscripts of a read as a map of `dims`, without symbols; null map if they are not that.
mlir::AffineMap affineSubscripts(mlir::tensor::ExtractOp read, mlir::ValueRange dims);
/// `expr` simplified with the knowledge that dim k is in [0, sizes[k]).
mlir::AffineExpr simplifyInBox(mlir::AffineExpr expr, llvm::ArrayRef<std::optional<int64_t>> sizes);

/// The conditions that a conjunction consists of.
void collectConjuncts(mlir::Value condition, llvm::SmallVectorImpl<mlir::Value> &conjuncts);
/// The factors of a product, through nested multiplications that have no other use.
void collectFactors(mlir::Value product, llvm::SmallVectorImpl<mlir::Value> &factors);

/// Whether two values are computed by the same operations; `map` says which block arguments correspond.
bool sameComputation(mlir::Value left, mlir::Value right, mlir::IRMapping const &map);

/// The reduction that `define` yields, if the definition is nothing else and the reduction contains no further one.
heed::ir::ReduceOp rootReduce(heed::ir::DefineOp define);
bool containsReduce(mlir::Operation *op);
/// A sum of f32 over one index.
bool isPlainSum(heed::ir::ReduceOp sum);
/// The subscripts of a read that are indices, each another one; nullopt if one is not.
std::optional<llvm::SmallVector<mlir::Value>> distinctIndices(mlir::tensor::ExtractOp read);

/// One value per axis: the operand of a dynamic size, a constant for a static one.
llvm::SmallVector<mlir::Value> sizeValues(mlir::OpBuilder &builder, mlir::Location location,
                                          llvm::ArrayRef<mlir::OpFoldResult> sizes);

/// A definition over `sizes` with a `value` region filled by `value`; static sizes go into the type.
heed::ir::DefineOp makeDefine(mlir::OpBuilder &builder, mlir::Location location, mlir::Type element,
                              llvm::ArrayRef<mlir::OpFoldResult> sizes, heed::ir::BodyBuilder domain,
                              heed::ir::BodyBuilder value);

/// Folds operations that the replacement of reads left unused.
void eraseUnused(mlir::Operation *top);

} // namespace heed::derive
