// Build.cpp - scalar expressions: construction with constant folding, free indices, substitution.

#include "compiler/check/Build.h"
#include "compiler/check/Sizes.h"

#include <algorithm>
#include <cmath>

namespace heed::elaborate {

namespace {

constexpr size_t maximumNodes = 2'000'000;
thread_local size_t nodesMade = 0;

size_t mix(size_t seed, size_t value) { return seed ^ (value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2)); }

void absorb(Node &node, ExprPtr const &child) {
  if (!child)
    return;
  Node const &other = nodeOf(child);
  if (!other.free.empty()) {
    if (node.free.empty()) {
      node.free = other.free;
    } else if (!std::includes(node.free.begin(), node.free.end(), other.free.begin(), other.free.end())) {
      std::vector<IndexId> merged;
      std::set_union(node.free.begin(), node.free.end(), other.free.begin(), other.free.end(),
                     std::back_inserter(merged));
      node.free = std::move(merged);
    }
  }
  node.depth = std::max(node.depth, other.depth + 1);
  node.weight = uint32_t(std::min<uint64_t>(uint64_t(node.weight) + other.weight, 1u << 30));
  node.reduces |= other.reduces;
  node.transcendental |= other.transcendental;
  node.reads |= other.reads;
  node.hash = mix(node.hash, other.hash);
}

template <typename Kind>
std::shared_ptr<Node> make(Scalar type, ast::Range range, Kind kind, size_t seed) {
  if (++nodesMade > maximumNodes)
    throw LimitReached("the program is too large once functions are inlined and repeats unrolled");
  auto node = std::make_shared<Node>();
  node->type = type;
  node->range = range;
  node->hash = mix(size_t(type) * 31 + 7, seed);
  node->node = std::move(kind);
  node->hash = mix(node->hash, node->node.index());
  return node;
}

bool isTranscendental(UnaryOp op) {
  switch (op) {
  case UnaryOp::Exp:
  case UnaryOp::Log:
  case UnaryOp::Sin:
  case UnaryOp::Cos:
  case UnaryOp::Tanh:
  case UnaryOp::Erf:
  case UnaryOp::Sigmoid:
    return true;
  default:
    return false;
  }
}

std::optional<double> foldReal(UnaryOp op, double x) {
  switch (op) {
  case UnaryOp::Negate:
    return -x;
  case UnaryOp::Abs:
    return std::fabs(x);
  case UnaryOp::Exp:
    return std::exp(x);
  case UnaryOp::Log:
    return std::log(x);
  case UnaryOp::Sqrt:
    return std::sqrt(x);
  case UnaryOp::Rsqrt:
    return 1 / std::sqrt(x);
  case UnaryOp::Sin:
    return std::sin(x);
  case UnaryOp::Cos:
    return std::cos(x);
  case UnaryOp::Tanh:
    return std::tanh(x);
  case UnaryOp::Erf:
    return std::erf(x);
  case UnaryOp::Sigmoid:
    return 1 / (1 + std::exp(-x));
  case UnaryOp::Floor:
    return std::floor(x);
  case UnaryOp::Ceil:
    return std::ceil(x);
  case UnaryOp::Round:
    return std::nearbyint(x);
  default:
    return std::nullopt;
  }
}

std::optional<double> foldReal(BinaryOp op, double x, double y) {
  switch (op) {
  case BinaryOp::Add:
    return x + y;
  case BinaryOp::Subtract:
    return x - y;
  case BinaryOp::Multiply:
    return x * y;
  case BinaryOp::Divide:
    return x / y;
  case BinaryOp::Remainder:
    return x - std::floor(x / y) * y;
  case BinaryOp::Power:
    return std::pow(x, y);
  case BinaryOp::Minimum:
    return std::min(x, y);
  case BinaryOp::Maximum:
    return std::max(x, y);
  default:
    return std::nullopt;
  }
}

std::optional<bool> foldCompare(BinaryOp op, auto x, auto y) {
  switch (op) {
  case BinaryOp::Equal:
    return x == y;
  case BinaryOp::NotEqual:
    return x != y;
  case BinaryOp::Less:
    return x < y;
  case BinaryOp::LessEqual:
    return x <= y;
  case BinaryOp::Greater:
    return x > y;
  case BinaryOp::GreaterEqual:
    return x >= y;
  default:
    return std::nullopt;
  }
}

std::optional<int64_t> foldInt(BinaryOp op, int64_t x, int64_t y, bool floors) {
  int64_t result = 0;
  switch (op) {
  case BinaryOp::Add:
    return __builtin_add_overflow(x, y, &result) ? std::nullopt : std::optional(result);
  case BinaryOp::Subtract:
    return __builtin_sub_overflow(x, y, &result) ? std::nullopt : std::optional(result);
  case BinaryOp::Multiply:
    return __builtin_mul_overflow(x, y, &result) ? std::nullopt : std::optional(result);
  case BinaryOp::Divide: // an inexact division stays visible: it is an error where a size or a real is wanted
    if (y == 0 || (x == INT64_MIN && y == -1) || (!floors && x % y != 0))
      return std::nullopt;
    return floorDivide(x, y);
  case BinaryOp::Remainder:
    if (y == 0 || (x == INT64_MIN && y == -1))
      return std::nullopt;
    return floorRemainder(x, y);
  case BinaryOp::Power: {
    if (y < 0)
      return std::nullopt;
    result = 1;
    for (; y > 0; y >>= 1) {
      if ((y & 1) && __builtin_mul_overflow(result, x, &result))
        return std::nullopt;
      if (y > 1 && __builtin_mul_overflow(x, x, &x))
        return std::nullopt;
    }
    return result;
  }
  case BinaryOp::Minimum:
    return std::min(x, y);
  case BinaryOp::Maximum:
    return std::max(x, y);
  default:
    return std::nullopt;
  }
}

std::optional<Size> asSize(ExprPtr const &expr) {
  if (auto *value = std::get_if<Expr::IntConstant>(&expr->node))
    return Size{value->value, {}};
  if (auto *value = std::get_if<Expr::SizeValue>(&expr->node))
    return value->size;
  return std::nullopt;
}

bool isComparison(BinaryOp op) { return op >= BinaryOp::Equal && op <= BinaryOp::GreaterEqual; }

} // namespace

void resetBudget() { nodesMade = 0; }

int64_t floorDivide(int64_t left, int64_t right) {
  int64_t quotient = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

int64_t floorRemainder(int64_t left, int64_t right) {
  int64_t remainder = left % right;
  return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder;
}

namespace build {

ExprPtr real(double value, ast::Range range) {
  return make(Scalar::Real, range, Expr::RealConstant{value}, std::hash<double>()(value));
}
ExprPtr integer(int64_t value, ast::Range range) {
  return make(Scalar::Int, range, Expr::IntConstant{value}, std::hash<int64_t>()(value));
}
ExprPtr boolean(bool value, ast::Range range) { return make(Scalar::Bool, range, Expr::BoolConstant{value}, value); }

ExprPtr index(IndexId id, ast::Range range) {
  auto node = make(Scalar::Int, range, Expr::IndexValue{id}, id);
  node->free = {id};
  return node;
}

ExprPtr size(Size const &size, ast::Range range) {
  if (size.isConstant())
    return integer(size.constant, range);
  size_t seed = size_t(size.constant);
  for (Size::Term const &term : size.terms)
    seed = mix(mix(seed, term.dim), size_t(term.coefficient));
  return make(Scalar::Int, range, Expr::SizeValue{size}, seed);
}

ExprPtr read(TensorId tensor, std::vector<ExprPtr> subscripts, Scalar type, ast::Range range, bool checked) {
  auto node = make(type, range, Expr::Read{tensor, std::move(subscripts), checked}, tensor);
  for (ExprPtr const &subscript : std::get<Expr::Read>(node->node).subscripts)
    absorb(*node, subscript);
  node->reads = true;
  return node;
}

ExprPtr unary(UnaryOp op, ExprPtr operand, ast::Range range) {
  Scalar type = op == UnaryOp::ToReal ? Scalar::Real : op == UnaryOp::ToInt ? Scalar::Int : operand->type;
  if (auto *constant = std::get_if<Expr::RealConstant>(&operand->node)) {
    if (auto folded = foldReal(op, constant->value))
      return real(*folded, range);
    if (op == UnaryOp::ToInt && std::fabs(constant->value) < 9e15)
      return integer(int64_t(constant->value), range);
  }
  if (auto *constant = std::get_if<Expr::IntConstant>(&operand->node)) {
    if (op == UnaryOp::ToReal)
      return real(double(constant->value), range);
    if (op == UnaryOp::Negate && constant->value != INT64_MIN)
      return integer(-constant->value, range);
    if (op == UnaryOp::Abs && constant->value != INT64_MIN)
      return integer(std::abs(constant->value), range);
  }
  if (auto *constant = std::get_if<Expr::BoolConstant>(&operand->node)) {
    if (op == UnaryOp::Not)
      return boolean(!constant->value, range);
    if (op == UnaryOp::ToInt)
      return integer(constant->value, range);
    if (op == UnaryOp::ToReal)
      return real(constant->value, range);
  }
  if (op == UnaryOp::Negate && operand->type == Scalar::Int)
    if (auto *value = std::get_if<Expr::SizeValue>(&operand->node))
      return size(scale(value->size, -1), range);
  if (op == UnaryOp::Not)
    if (auto *inner = std::get_if<Expr::Unary>(&operand->node); inner && inner->op == UnaryOp::Not)
      return inner->operand;
  auto node = make(type, range, Expr::Unary{op, operand}, size_t(op));
  absorb(*node, operand);
  node->transcendental |= isTranscendental(op);
  return node;
}

ExprPtr binary(BinaryOp op, ExprPtr left, ExprPtr right, ast::Range range) {
  if (op == BinaryOp::And || op == BinaryOp::Or) {
    if (auto *constant = std::get_if<Expr::BoolConstant>(&left->node))
      return constant->value == (op == BinaryOp::And) ? right : left;
    if (auto *constant = std::get_if<Expr::BoolConstant>(&right->node);
        constant && constant->value == (op == BinaryOp::And))
      return left;
  }
  Scalar type = isComparison(op) || op == BinaryOp::And || op == BinaryOp::Or ? Scalar::Bool : left->type;
  if (left->type == Scalar::Int) {
    auto *x = std::get_if<Expr::IntConstant>(&left->node), *y = std::get_if<Expr::IntConstant>(&right->node);
    if (x && y) {
      if (auto folded = foldCompare(op, x->value, y->value))
        return boolean(*folded, range);
      if (auto folded = foldInt(op, x->value, y->value, false))
        return integer(*folded, range);
    }
    if (auto a = asSize(left), b = asSize(right); a && b) {
      if (op == BinaryOp::Add)
        return size(add(*a, *b), range);
      if (op == BinaryOp::Subtract)
        return size(subtract(*a, *b), range);
      if (op == BinaryOp::Multiply && (a->isConstant() || b->isConstant()))
        return size(a->isConstant() ? scale(*b, a->constant) : scale(*a, b->constant), range);
      if (op == BinaryOp::Divide)
        if (auto quotient = divideExactly(*a, *b))
          return size(*quotient, range);
      if (isComparison(op) && *a == *b)
        return boolean(op == BinaryOp::Equal || op == BinaryOp::LessEqual || op == BinaryOp::GreaterEqual, range);
    }
    bool neutralRight = y && ((y->value == 0 && (op == BinaryOp::Add || op == BinaryOp::Subtract)) ||
                              (y->value == 1 && (op == BinaryOp::Multiply || op == BinaryOp::Divide)));
    if (neutralRight)
      return left;
    if (x && ((x->value == 0 && op == BinaryOp::Add) || (x->value == 1 && op == BinaryOp::Multiply)))
      return right;
    // (e + c) + d is e + (c + d) for sizes c and d, so that an earlier index keeps its plain shape
    if (op == BinaryOp::Add || op == BinaryOp::Subtract)
      if (auto *inner = std::get_if<Expr::Binary>(&left->node);
          inner && (inner->op == BinaryOp::Add || inner->op == BinaryOp::Subtract))
        if (auto c = asSize(inner->right), d = asSize(right); c && d && !asSize(inner->left)) {
          Size sum = add(inner->op == BinaryOp::Add ? *c : scale(*c, -1), op == BinaryOp::Add ? *d : scale(*d, -1));
          bool negative = sum.isConstant() ? sum.constant < 0 : sum.terms.front().coefficient < 0;
          return negative ? binary(BinaryOp::Subtract, inner->left, size(scale(sum, -1), range), range)
                          : binary(BinaryOp::Add, inner->left, size(sum, range), range);
        }
  } else if (left->type == Scalar::Real) {
    auto *x = std::get_if<Expr::RealConstant>(&left->node), *y = std::get_if<Expr::RealConstant>(&right->node);
    if (x && y) {
      if (auto folded = foldCompare(op, x->value, y->value))
        return boolean(*folded, range);
      if (auto folded = foldReal(op, x->value, y->value))
        return real(*folded, range);
    }
  }
  auto node = make(type, range, Expr::Binary{op, left, right}, size_t(op));
  absorb(*node, left);
  absorb(*node, right);
  node->transcendental |= op == BinaryOp::Power && left->type == Scalar::Real;
  return node;
}

ExprPtr select(ExprPtr condition, ExprPtr ifTrue, ExprPtr ifFalse, ast::Range range) {
  if (auto *constant = std::get_if<Expr::BoolConstant>(&condition->node))
    return constant->value ? ifTrue : ifFalse;
  auto node = make(ifTrue->type, range, Expr::Select{condition, ifTrue, ifFalse}, 3);
  absorb(*node, condition);
  absorb(*node, ifTrue);
  absorb(*node, ifFalse);
  return node;
}

namespace {

bool givesPosition(ReduceKind kind) {
  return kind == ReduceKind::ArgMax || kind == ReduceKind::ArgMin || kind == ReduceKind::TopK;
}

std::shared_ptr<Node> makeReduce(Expr::Reduce reduce, ast::Range range, ExprPtr guard) {
  Scalar type = givesPosition(reduce.kind) ? Scalar::Int : reduce.body->type;
  if (constantBool(reduce.domain) == true)
    reduce.domain = nullptr;
  auto node = make(type, range, reduce, size_t(reduce.kind) * 64 + (reduce.domain ? 1 : 0));
  absorb(*node, reduce.domain);
  absorb(*node, reduce.body);
  absorb(*node, guard);
  for (IndexId id : reduce.indices)
    std::erase(node->free, id);
  absorb(*node, reduce.rank);
  node->guard = std::move(guard);
  node->reduces = true;
  node->reads |= reduce.kind == ReduceKind::TopK; // like a read, it may have no value
  return node;
}

} // namespace

ExprPtr reduce(ReduceKind kind, std::vector<IndexId> indices, ExprPtr domain, ExprPtr body, ast::Range range,
               ExprPtr guard) {
  return makeReduce({kind, std::move(indices), std::move(domain), std::move(body)}, range, std::move(guard));
}

ExprPtr reduce(Expr::Reduce const &reduce, ExprPtr domain, ExprPtr body, ast::Range range, ExprPtr guard) {
  return makeReduce({reduce.kind, reduce.indices, std::move(domain), std::move(body), reduce.rank}, range,
                    std::move(guard));
}

ExprPtr product(IndexId index, ExprPtr body, ast::Range range) {
  auto node = makeReduce({ReduceKind::Sum, {index}, nullptr, std::move(body)}, range, nullptr);
  node->whole = true;
  return node;
}

ExprPtr topk(IndexId index, ExprPtr domain, ExprPtr body, ExprPtr rank, ast::Range range) {
  return makeReduce({ReduceKind::TopK, {index}, std::move(domain), std::move(body), std::move(rank)}, range, nullptr);
}

ExprPtr both(ExprPtr left, ExprPtr right) {
  if (!left)
    return right;
  if (!right)
    return left;
  return binary(BinaryOp::And, left, right, left->range);
}

} // namespace build

ExprPtr mapChildren(ExprPtr const &expr, std::function<ExprPtr(ExprPtr const &)> const &f) {
  Node const &node = nodeOf(expr);
  if (auto *read = std::get_if<Expr::Read>(&node.node)) {
    bool changed = false;
    std::vector<ExprPtr> subscripts;
    subscripts.reserve(read->subscripts.size());
    for (ExprPtr const &subscript : read->subscripts) {
      subscripts.push_back(f(subscript));
      changed |= subscripts.back() != subscript;
    }
    return changed ? build::read(read->tensor, std::move(subscripts), node.type, node.range, read->checked) : expr;
  }
  if (auto *unary = std::get_if<Expr::Unary>(&node.node)) {
    ExprPtr operand = f(unary->operand);
    return operand == unary->operand ? expr : build::unary(unary->op, operand, node.range);
  }
  if (auto *binary = std::get_if<Expr::Binary>(&node.node)) {
    ExprPtr left = f(binary->left), right = f(binary->right);
    return left == binary->left && right == binary->right ? expr : build::binary(binary->op, left, right, node.range);
  }
  if (auto *select = std::get_if<Expr::Select>(&node.node)) {
    ExprPtr condition = f(select->condition), ifTrue = f(select->ifTrue), ifFalse = f(select->ifFalse);
    if (condition == select->condition && ifTrue == select->ifTrue && ifFalse == select->ifFalse)
      return expr;
    return build::select(condition, ifTrue, ifFalse, node.range);
  }
  if (auto *reduce = std::get_if<Expr::Reduce>(&node.node)) {
    ExprPtr domain = reduce->domain ? f(reduce->domain) : nullptr, body = f(reduce->body),
            guard = node.guard ? f(node.guard) : nullptr, rank = reduce->rank ? f(reduce->rank) : nullptr;
    if (domain == reduce->domain && body == reduce->body && guard == node.guard && rank == reduce->rank)
      return expr;
    if (node.whole)
      return build::product(reduce->indices.front(), body, node.range);
    Expr::Reduce changed = *reduce;
    changed.rank = rank;
    return build::reduce(changed, domain, body, node.range, guard);
  }
  return expr;
}

namespace {

ExprPtr substituteWith(ExprPtr const &expr, IndexMap const &map, std::vector<IndexId> const &keys, Memo &memo) {
  if (!dependsOnAny(expr, keys))
    return expr;
  if (auto *index = std::get_if<Expr::IndexValue>(&expr->node))
    return map.at(index->index);
  auto [place, added] = memo.try_emplace(expr.get());
  if (!added)
    return place->second;
  ExprPtr result = mapChildren(expr, [&](ExprPtr const &child) { return substituteWith(child, map, keys, memo); });
  memo[expr.get()] = result;
  return result;
}

} // namespace

ExprPtr substitute(ExprPtr const &expr, IndexMap const &map) {
  if (!expr || map.empty())
    return expr;
  std::vector<IndexId> keys;
  for (auto &[id, value] : map)
    keys.push_back(id);
  Memo memo;
  return substituteWith(expr, map, keys, memo);
}

bool dependsOn(ExprPtr const &expr, IndexId index) {
  auto &free = nodeOf(expr).free;
  return std::binary_search(free.begin(), free.end(), index);
}

bool dependsOnAny(ExprPtr const &expr, std::vector<IndexId> const &indices) {
  auto &free = nodeOf(expr).free;
  for (IndexId id : indices)
    if (std::binary_search(free.begin(), free.end(), id))
      return true;
  return false;
}

bool sameExpr(ExprPtr const &left, ExprPtr const &right) {
  if (left == right)
    return true;
  if (!left || !right || nodeOf(left).hash != nodeOf(right).hash || left->type != right->type ||
      left->node.index() != right->node.index())
    return false;
  if (auto *a = std::get_if<Expr::RealConstant>(&left->node))
    return a->value == std::get<Expr::RealConstant>(right->node).value;
  if (auto *a = std::get_if<Expr::IntConstant>(&left->node))
    return a->value == std::get<Expr::IntConstant>(right->node).value;
  if (auto *a = std::get_if<Expr::BoolConstant>(&left->node))
    return a->value == std::get<Expr::BoolConstant>(right->node).value;
  if (auto *a = std::get_if<Expr::IndexValue>(&left->node))
    return a->index == std::get<Expr::IndexValue>(right->node).index;
  if (auto *a = std::get_if<Expr::SizeValue>(&left->node))
    return a->size == std::get<Expr::SizeValue>(right->node).size;
  if (auto *a = std::get_if<Expr::Read>(&left->node)) {
    auto &b = std::get<Expr::Read>(right->node);
    if (a->tensor != b.tensor || a->subscripts.size() != b.subscripts.size())
      return false;
    for (size_t k = 0; k < a->subscripts.size(); ++k)
      if (!sameExpr(a->subscripts[k], b.subscripts[k]))
        return false;
    return true;
  }
  if (auto *a = std::get_if<Expr::Unary>(&left->node)) {
    auto &b = std::get<Expr::Unary>(right->node);
    return a->op == b.op && sameExpr(a->operand, b.operand);
  }
  if (auto *a = std::get_if<Expr::Binary>(&left->node)) {
    auto &b = std::get<Expr::Binary>(right->node);
    return a->op == b.op && sameExpr(a->left, b.left) && sameExpr(a->right, b.right);
  }
  if (auto *a = std::get_if<Expr::Select>(&left->node)) {
    auto &b = std::get<Expr::Select>(right->node);
    return sameExpr(a->condition, b.condition) && sameExpr(a->ifTrue, b.ifTrue) && sameExpr(a->ifFalse, b.ifFalse);
  }
  auto &a = std::get<Expr::Reduce>(left->node), &b = std::get<Expr::Reduce>(right->node);
  return a.kind == b.kind && a.indices == b.indices && sameExpr(a.body, b.body) &&
         (a.domain ? b.domain && sameExpr(a.domain, b.domain) : !b.domain) &&
         (a.rank ? b.rank && sameExpr(a.rank, b.rank) : !b.rank) && nodeOf(left).guard == nodeOf(right).guard;
}

std::optional<int64_t> constantInt(ExprPtr const &expr) {
  if (!expr || expr->type != Scalar::Int)
    return std::nullopt;
  if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node))
    return constant->value;
  if (auto *binary = std::get_if<Expr::Binary>(&expr->node)) {
    auto left = constantInt(binary->left), right = left ? constantInt(binary->right) : std::nullopt;
    return right ? foldInt(binary->op, *left, *right, true) : std::nullopt;
  }
  if (auto *unary = std::get_if<Expr::Unary>(&expr->node);
      unary && (unary->op == UnaryOp::Negate || unary->op == UnaryOp::Abs)) {
    auto operand = constantInt(unary->operand);
    if (!operand || *operand == INT64_MIN)
      return std::nullopt;
    return unary->op == UnaryOp::Negate ? -*operand : std::abs(*operand);
  }
  return std::nullopt;
}

std::optional<double> constantReal(ExprPtr const &expr) {
  if (auto *constant = std::get_if<Expr::RealConstant>(&expr->node))
    return constant->value;
  return std::nullopt;
}

std::optional<bool> constantBool(ExprPtr const &expr) {
  if (!expr)
    return std::nullopt;
  if (auto *constant = std::get_if<Expr::BoolConstant>(&expr->node))
    return constant->value;
  return std::nullopt;
}

void splitConjunction(ExprPtr const &expr, std::vector<ExprPtr> &parts) {
  if (!expr)
    return;
  if (auto *binary = std::get_if<Expr::Binary>(&expr->node); binary && binary->op == BinaryOp::And) {
    splitConjunction(binary->left, parts);
    splitConjunction(binary->right, parts);
    return;
  }
  if (constantBool(expr) != true)
    parts.push_back(expr);
}

ExprPtr joinConjunction(std::vector<ExprPtr> const &parts) {
  ExprPtr result;
  for (ExprPtr const &part : parts)
    result = build::both(result, part);
  return result;
}

} // namespace heed::elaborate
