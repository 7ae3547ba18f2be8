// VisitRemark.cpp - says at the user's line how much of a domain is visited, and what is computed for it.
#include "compiler/lower/kernels/VisitRemark.h"
#include "compiler/lower/kernels/Emit.h"
#include "compiler/lower/kernels/ScoreForm.h"
#include "compiler/lower/kernels/Visits.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace heed::kernels {
namespace {

/// Stands for sizes that are known only at run time.
constexpr int64_t SampleSize = 4096;

/// A number with one digit behind the point and what it counts: 34.4 GFLOP.
std::string withUnit(double number, StringRef unit) {
  StringRef prefix = "";
  for (StringRef next : {"k", "M", "G", "T"})
    if (number >= 1000)
      number /= 1000, prefix = next;
  int64_t tenths = static_cast<int64_t>(number * 10 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + prefix.str() + unit.str();
}

void remarkOnShare(ir::AttentionOp op, Visits const &visits) {
  int64_t all = visits.rows * visits.keys, perMille = all ? visits.pairs() * 1000 / all : 0, full = visits.full();
  remark::analysis(op.getLoc(), remark::RemarkOpts::name("visit").category("lower"))
      << (visits.scans ? "at most " : "") << std::to_string(perMille / 10) << "." << std::to_string(perMille % 10)
      << " % of the pairs are in tiles that are visited, at " << std::to_string(visits.rows) << " queries and "
      << std::to_string(visits.keys) << " keys: " << std::to_string(full) << " tiles without and "
      << std::to_string(static_cast<int64_t>(visits.tiles.size()) - full) << " with a mask, "
      << std::to_string(visits.empty()) << " left out"
      << (visits.sweeps > 1 ? ", in " + std::to_string(visits.sweeps) + " sweeps" : std::string())
      << (visits.scans ? "; a scan of data leaves out more" : "");
}

/// How a pair gets its score.
std::string scoreOf(ir::AttentionOp op) {
  if (!op.hasQuery())
    return "the score has no product of queries and keys";
  std::optional<ScoreForm> form = ScoreForm::of(op);
  if (!form)
    return "the score is a function of the product, computed for every pair";
  std::string factors = form->factors.empty() ? "" : "; its factors are multiplied into the query once";
  return "the score is a product" + factors + (form->hasRest ? "; what is added is computed for every pair" : "");
}

void remarkOnCost(ir::AttentionOp op, std::optional<Visits> const &visits, ValueOf valueOf) {
  std::string text = scoreOf(op) + (op.getPlain() ? "; weights are the scores, nothing normalises them"
                                                  : "; softmax runs along with the sums, in one pass");
  auto size = [&](unsigned dim) { return valueOf(op.getSizes()[dim]); };
  int64_t heads = 1;
  for (unsigned dim = 0; dim < op.getBatchRank(); ++dim)
    heads *= size(dim).value_or(1);
  std::optional<int64_t> inner = op.hasQuery() ? size(op.getInnerDim()) : 0, features = size(op.getFeatureDim());
  if (visits && inner && features) {
    double pairs = static_cast<double>(visits->pairs()) * heads;
    double elements = static_cast<double>(heads) * (*inner + *features) * (visits->rows + visits->keys);
    text += "; " + withUnit(2 * pairs * (*inner + *features), "FLOP") + " in products, at most " +
            withUnit(4 * elements, "byte") + " of operands and result";
  }
  remark::analysis(op.getLoc(), remark::RemarkOpts::name("cost").category("lower")) << text;
}

} // namespace

void remarkOnVisits(ir::AttentionOp op, domain::PairDomain const &domain, ArrayRef<domain::Sweep> sweeps,
                    int64_t rowBlock, int64_t keyBlock) {
  Value rowSize = op.getSizes()[op.getRowDim()], keySize = op.getSizes()[op.getColumnDim()];
  auto valueOf = [&](Value value) -> std::optional<int64_t> {
    if (std::optional<int64_t> known = constantOf(value))
      return known;
    return value == rowSize || value == keySize ? std::optional(SampleSize) : std::nullopt;
  };
  std::optional<Visits> visits = visitsOf(op, domain, sweeps, rowBlock, keyBlock, valueOf);
  if (op.hasDomain()) {
    if (visits)
      remarkOnShare(op, *visits);
    else
      remark::analysis(op.getLoc(), remark::RemarkOpts::name("visit").category("lower"))
          << "the keys that are visited depend on run-time values; --draw=mask --size=NAME=VALUE shows them";
  }
  remarkOnCost(op, visits, valueOf);
}

} // namespace heed::kernels
