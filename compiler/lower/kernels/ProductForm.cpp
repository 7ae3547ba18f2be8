// ProductForm.cpp - which loops of a contraction are rows, columns and depth, so that little has to be copied.
#include "compiler/lower/kernels/ProductForm.h"

namespace heed::kernels {

using namespace mlir;

/// Elements of an axis whose size is known at run time only.
constexpr int64_t typicalSize = 4096;
/// A left side of at most this many elements is read where it lies, rows or columns first; a larger one would be walked in
/// strides that no cache follows.
constexpr int64_t mostStrided = 1 << 14;

unsigned axisOf(AffineMap map, unsigned dim) { return *map.getResultPosition(getAffineDimExpr(dim, map.getContext())); }

std::optional<int64_t> staticSize(linalg::LinalgOp op, ArrayRef<unsigned> dims) {
  int64_t size = 1;
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  for (unsigned dim : dims) {
    if (ShapedType::isDynamic(ranges[dim]))
      return std::nullopt;
    size *= ranges[dim];
  }
  return size;
}

static bool isInOrder(AffineMap map, ArrayRef<unsigned> order) {
  for (auto [position, dim] : llvm::enumerate(order))
    if (map.getDimPosition(position) != dim)
      return false;
  return true;
}

bool ProductForm::isRightTransposed() const {
  return axisOf(rightMap, columns.front()) < (depth.empty() ? 0 : axisOf(rightMap, depth.front()));
}

Dims ProductForm::order() const {
  Dims all(batch);
  all.append(rows);
  all.append(columns);
  return all;
}

bool ProductForm::hasShapeOfResult() const {
  return isInOrder(resultMap, order()) && columns.size() == 1 && rows.size() == (isSingleRow() ? 0 : 1);
}

/// Dims of a group in the order in which a map has them.
static void orderAs(Dims &dims, AffineMap map) {
  llvm::sort(dims, [&](unsigned a, unsigned b) { return axisOf(map, a) < axisOf(map, b); });
}

/// How many elements are copied to bring a product into the form of the kernel: the right side is packed, and whatever has its
/// axes in another order is transposed, which costs about twice as much.
static double moved(linalg::LinalgOp op, ProductForm const &product) {
  auto size = [&](ArrayRef<unsigned> dims) {
    double result = 1;
    for (unsigned dim : dims)
      result *= staticSize(op, dim).value_or(typicalSize);
    return result;
  };
  auto joined = [&](std::initializer_list<ArrayRef<unsigned>> groups) {
    Dims all;
    for (ArrayRef<unsigned> group : groups)
      for (unsigned dim : group)
        all.push_back(dim);
    return all;
  };
  auto known = [&](AffineMap map, Dims dims) {
    llvm::erase_if(dims, [&](unsigned dim) { return !map.isFunctionOfDim(dim); });
    return dims;
  };
  Dims left = known(product.leftMap, joined({product.batch, product.rows, product.depth})),
       right = known(product.rightMap, joined({product.batch, product.depth, product.columns})),
       turned = known(product.rightMap, joined({product.batch, product.columns, product.depth})),
       result = joined({product.batch, product.rows, product.columns});
  double total = size(right);
  if (!isInOrder(product.leftMap, left))
    total += 2 * size(left);
  if (!isInOrder(product.rightMap, right) && !isInOrder(product.rightMap, turned))
    total += 2 * size(right);
  if (!isInOrder(product.resultMap, result))
    total += 2 * size(result);
  return total;
}

std::optional<ProductForm> productForm(linalg::LinalgOp op, std::string &reason) {
    auto dims = linalg::inferContractionDims(op);
    if (failed(dims))
      return reason = "its dimensions are not those of a contraction", std::nullopt;
    // A loop that only one operand knows is a sum or a broadcast of its own, not part of a product.
    if (dims->batch.size() + dims->m.size() + dims->n.size() + dims->k.size() != op.getNumLoops())
      return reason = "some of its loops belong to no product", std::nullopt;
    for (Value operand : op->getOperands())
      if (!getElementTypeOrSelf(operand).isF32())
        return reason = "only f32 is packed", std::nullopt;
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    auto list = [](ArrayRef<unsigned> dims) { return Dims(dims); };
    ProductForm product{op->getOperand(0), op->getOperand(1), maps[0],       maps[1],      maps[2],
                    list(dims->batch), list(dims->m),     list(dims->n), list(dims->k)};
    if (product.columns.empty()) { // a matrix times a vector: the vector is the only row
      std::swap(product.left, product.right);
      std::swap(product.leftMap, product.rightMap);
      std::swap(product.rows, product.columns);
    }
    if (product.columns.empty())
      return reason = "it is a sum of products without rows and columns", std::nullopt;
    for (Dims *group : {&product.batch, &product.rows, &product.columns})
      orderAs(*group, product.resultMap);
    orderAs(product.depth, product.rightMap);
    ProductForm other = product;
    std::swap(other.left, other.right);
    std::swap(other.leftMap, other.rightMap);
    std::swap(other.rows, other.columns);
    orderAs(other.depth, other.rightMap);
    if (!product.rows.empty() && staticSize(op, other.columns).value_or(typicalSize) >= fewestColumns &&
        staticSize(op, other.rows).value_or(typicalSize) >= fewestRows && moved(op, other) < moved(op, product))
      return other;
    return product;
  }

bool readsLeftTransposed(linalg::LinalgOp op, ProductForm const &product) {
  if (product.rows.empty() || product.depth.empty() ||
      axisOf(product.leftMap, product.rows.front()) < axisOf(product.leftMap, product.depth.front()))
    return false;
  std::optional<int64_t> rows = staticSize(op, product.rows), depth = staticSize(op, product.depth);
  return rows && depth && *rows * *depth <= mostStrided;
}

} // namespace heed::kernels
