// InlineReads.cpp - copies the value of a definition to its reads, from the last reader to the first definition.
#include "compiler/derive/InlineReads.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

void inlineReads(Region &region, Operation *top, llvm::function_ref<bool(DefineOp, IndexSet const &)> wanted) {
  SmallVector<tensor::ExtractOp> worklist;
  region.walk([&](tensor::ExtractOp read) { worklist.push_back(read); });
  while (!worklist.empty()) {
    tensor::ExtractOp read = worklist.pop_back_val();
    auto producer = read.getTensor().getDefiningOp<DefineOp>();
    if (!producer || containsReduce(producer))
      continue;
    IndexSet indices;
    for (Value subscript : read.getIndices())
      collectIndices(subscript, top, indices);
    if (!wanted(producer, indices))
      continue;
    OpBuilder builder(read);
    IRMapping map;
    map.map(producer.getValueBlock()->getArguments(), read.getIndices());
    Value value = cloneSlice(builder, producer.getYielded(), producer, map);
    producer.getValue().walk([&](tensor::ExtractOp original) {
      if (Value copy = map.lookupOrNull(original.getResult()))
        worklist.push_back(copy.getDefiningOp<tensor::ExtractOp>());
    });
    read.replaceAllUsesWith(value);
    read.erase();
    if (producer->use_empty())
      producer.erase();
  }
}

} // namespace heed::derive
