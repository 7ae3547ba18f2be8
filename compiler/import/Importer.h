// Importer.h - the state of one import.
#pragma once

#include "compiler/import/Import.h"
#include "dialect/HeedOps.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace heed {

/// Where a tensor lives. Most have one value. A member of a recurrence that runs has the rows of other steps in
/// `state`, along `timeAxis`, and, once this step has computed it, the row of this step in `value`.
struct Storage {
  mlir::Value value;
  mlir::Value state;
  int timeAxis = -1;
  int64_t ring = 0;   // the state holds this many rows, step t in row t mod ring; 0: every step has its row
  int64_t offset = 0; // every step has its row: step t is in row t + offset
};

/// `subscript` as `step` plus a constant, if it is that.
std::optional<int64_t> offsetFrom(IndexId step, Expr const &subscript);

class Importer {
public:
  Importer(mlir::MLIRContext &context, Program const &program, SourceManager const &sources);
  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  // Import.cpp: the function, definitions
  void makeFunction();
  void importDefinition(Definition const &definition);
  /// The tensor that `value` on `domain` defines over `axes`: all of `tensor`, or one row of it along `withoutAxis`.
  mlir::Value define(TensorId id, llvm::ArrayRef<IndexId> axes, int withoutAxis, ExprPtr const &domain,
                     ExprPtr const &value, int softmaxAxis);
  /// The positions that a TopK gives at every place, over `axes`, of which the last is the place.
  mlir::Value select(TensorId id, llvm::ArrayRef<IndexId> axes, int withoutAxis, ExprPtr const &domain,
                     Expr::Reduce const &selection);
  /// A region over `axes` that computes `build()`.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>
  regionOver(llvm::SmallVector<IndexId> axes, std::function<mlir::Value()> build);
  mlir::Value store(mlir::Value value, Scalar type, Element element);
  mlir::Value finish();

  // Interface.cpp: types, sizes, locations, the module attribute
  mlir::Type elementType(Element element);
  mlir::RankedTensorType tensorType(Tensor const &tensor, int withoutAxis = -1);
  mlir::DictionaryAttr interface();
  mlir::Location locate(ast::Range range);
  mlir::Location locate(ast::Range range, std::string const &name);
  /// `size` as a value. `taken`: a dim that an earlier `until` set counts as the steps taken, not as its maximum.
  mlir::Value sizeOf(Size const &size, bool taken);
  llvm::SmallVector<mlir::Value> dynamicSizes(Tensor const &tensor, int withoutAxis = -1);

  // Expression.cpp: scalar code
  mlir::Value scalar(ExprPtr const &expr);
  mlir::Value compute(Expr const &expr);
  mlir::Value unary(UnaryOp op, Scalar from, mlir::Value operand, Expr const &expr);
  mlir::Value binary(BinaryOp op, Expr const &left, mlir::Value x, mlir::Value y, Expr const &right);
  mlir::Value reduce(Expr::Reduce const &reduce, Scalar type);
  /// Runs `body` with its own scope of computed values.
  template <typename Body>
  mlir::Value scoped(Body body) {
    computed.emplace_back();
    mlir::Value result = body();
    computed.pop_back();
    return result;
  }
  mlir::Value conjunction(llvm::ArrayRef<ExprPtr> conditions);
  /// An integer expression as an affine form of `operands`; what is not affine becomes an operand.
  mlir::AffineExpr affine(ExprPtr const &expr, llvm::SmallVectorImpl<mlir::Value> &operands);
  mlir::Value integer(ExprPtr const &expr);

  // Reads.cpp: reads that are total, and the checks in front of them
  mlir::Value read(Expr::Read const &read);
  mlir::Value clamp(mlir::Value position, ExprPtr const &subscript, Size const &size, bool &mayBeEmpty);
  void emitChecks(llvm::ArrayRef<IndexId> axes, ExprPtr const &domain, ExprPtr const &value);
  void emitChecks(ExprPtr const &expr, llvm::SmallVector<IndexId> axes, llvm::SmallVector<ExprPtr> path);
  void emitCheck(Expr const &expr, llvm::ArrayRef<IndexId> axes, llvm::ArrayRef<ExprPtr> path);
  std::string describe(Expr const &expr);

  // Bounds.cpp: what is provable about integer expressions from the sizes alone
  struct Range {
    bool belowZero = true, aboveSize = true, emptyAxis = true;
  };
  Range bounds(ExprPtr const &subscript, Size const &size);
  bool fitsInto32Bits(Expr const &expr);

  // Recurrence.cpp
  struct Member;
  void importRecurrence(Recurrence const &recurrence);
  std::vector<Member> planMembers(Recurrence const &recurrence);
  mlir::Value startState(Member const &member, Recurrence const &recurrence, mlir::Value steps);
  mlir::Value rowOf(Member const &member, mlir::Value time);
  mlir::Value insertRow(Member const &member, mlir::Value row, mlir::Value state, mlir::Value position);

  Program const &program;
  SourceManager const &sources;
  mlir::ImplicitLocOpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  mlir::Operation *sizesEnd = nullptr; // sizes are computed in front of it, where all code sees them

  llvm::SmallVector<mlir::Value> dims;               // as passed in
  llvm::SmallVector<mlir::Value> taken;              // set by an `until` so far, or null
  std::map<std::vector<int64_t>, mlir::Value> sizes; // by constant, dim, coefficient, ...
  llvm::DenseMap<IndexId, mlir::Value> indices;
  llvm::SmallVector<IndexId> bound; // the indices that have values at the insertion point
  std::vector<Storage> storage;     // by TensorId
  std::optional<IndexId> step;      // of the recurrence that runs
  std::vector<std::unordered_map<Expr const *, mlir::Value>> computed;
  std::unordered_set<Expr const *> checkless; // subtrees without checked reads
  size_t checkCount = 0;
  mlir::Value status; // of the checks so far
  std::vector<std::string> checks;
};

} // namespace heed
