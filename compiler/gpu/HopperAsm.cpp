// HopperAsm.cpp - inline assembly for sm_90a.
#include "compiler/gpu/HopperAsm.h"
#include "compiler/gpu/HopperShape.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed::device {

Value HopperAsm::i32(int64_t value) { return arith::ConstantOp::create(emit, emit.getI32IntegerAttr(int32_t(value))); }
Value HopperAsm::i32(Value index) { return emit.createOrFold<arith::IndexCastOp>(emit.getI32Type(), index); }

SmallVector<Value> HopperAsm::values(Twine const &text, StringRef constraints, ValueRange operands, TypeRange results,
                                     bool effects) {
  std::string clobbered = constraints.str();
  if (effects)
    clobbered += clobbered.empty() ? "~{memory}" : ",~{memory}";
  Type type = results.size() == 1   ? Type(results.front())
              : results.size() == 0 ? Type(LLVM::LLVMVoidType::get(emit.getContext()))
                                    : LLVM::LLVMStructType::getLiteral(emit.getContext(), SmallVector<Type>(results));
  auto op = LLVM::InlineAsmOp::create(
      emit, results.empty() ? TypeRange() : TypeRange(type), operands, text.str(), clobbered, effects,
      /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(emit.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  SmallVector<Value> all;
  if (results.size() == 1)
    all.push_back(op->getResult(0));
  else
    for (size_t i = 0; i < results.size(); ++i)
      all.push_back(LLVM::ExtractValueOp::create(emit, op->getResult(0), ArrayRef<int64_t>{int64_t(i)}));
  return all;
}

void HopperAsm::run(Twine const &text, StringRef constraints, ValueRange operands) {
  values(text, constraints, operands, {}, /*effects=*/true);
}

Value HopperAsm::uniform(Value value) {
  Type type = emit.getI32Type();
  return values("shfl.sync.idx.b32 $0, $1, 0, 31, 0xffffffff;", "=r,r", value, type, true)[0];
}

Value HopperAsm::worker() {
  Type type = emit.getI32Type();
  Value thread = values("mov.u32 $0, %tid.x;", "=r", {}, type, true)[0];
  return arith::IndexCastUIOp::create(emit, emit.getIndexType(), add(thread, -HopperShape::warpGroup));
}

void HopperAsm::initBarrier(Value barrier, int64_t arrivals) {
  run("mbarrier.init.shared::cta.b64 [$0], " + Twine(arrivals) + ";", "r", barrier);
}
void HopperAsm::publishBarriers() { run("fence.mbarrier_init.release.cluster;", "", {}); }
void HopperAsm::expectBytes(Value barrier, int64_t bytes) {
  run("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], " + Twine(bytes) + ";", "r", barrier);
}
void HopperAsm::arriveIfZero(Value barrier, Value condition) {
  run("{\n.reg .pred p;\nsetp.eq.b32 p, $1, 0;\n@p mbarrier.arrive.shared::cta.b64 _, [$0];\n}", "r,r", {barrier, condition});
}
void HopperAsm::waitBarrier(Value barrier, Value parity) {
  run("{\n.reg .pred done;\nWAIT:\nmbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1;\n@done bra DONE;\nbra WAIT;\nDONE:\n}",
      "r,r", {barrier, parity});
}

void HopperAsm::loadTensor(Value shared, Value map, ArrayRef<Value> coordinates, Value barrier) {
  std::string list, constraints = "r,l,r";
  SmallVector<Value> operands = {shared, map, barrier};
  for (Value coordinate : coordinates) {
    list += (list.empty() ? "$" : ", $") + std::to_string(operands.size());
    constraints += ",r";
    operands.push_back(coordinate);
  }
  run("cp.async.bulk.tensor." + Twine(coordinates.size()) +
          "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [$0], [$1, {" + list + "}], [$2];",
      constraints, operands);
}

Value HopperAsm::elect() {
  Type type = emit.getI32Type();
  Value chosen = values("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.b32 $0, 1, 0, p;\n}", "=r", {}, type, true)[0];
  return emit.compare(arith::CmpIPredicate::ne, chosen, i32(int64_t(0)));
}
void HopperAsm::registers(int64_t count, bool more) {
  run(Twine("setmaxnreg.") + (more ? "inc" : "dec") + ".sync.aligned.u32 " + Twine(count) + ";", "", {});
}
void HopperAsm::namedSync(Value barrier, int64_t threads) { run("bar.sync $0, " + Twine(threads) + ";", "r", barrier); }
void HopperAsm::namedArrive(Value barrier, int64_t threads) { run("bar.arrive $0, " + Twine(threads) + ";", "r", barrier); }
void HopperAsm::publishWrites() { run("fence.proxy.async.shared::cta;", "", {}); }

void HopperAsm::fence() { run("wgmma.fence.sync.aligned;", "", {}); }
void HopperAsm::commit() { run("wgmma.commit_group.sync.aligned;", "", {}); }

/// Outputs and, tied to them, inputs.
static std::string tied(size_t count) {
  std::string constraints;
  for (size_t i = 0; i < count; ++i)
    constraints += "=f,";
  for (size_t i = 0; i < count; ++i)
    constraints += std::to_string(i) + ",";
  constraints.pop_back();
  return constraints;
}

SmallVector<Value> HopperAsm::wait(int64_t groups, ArrayRef<Value> waiting) {
  SmallVector<Type> types(waiting.size(), emit.getF32Type());
  return values("wgmma.wait_group.sync.aligned " + Twine(groups) + ";", tied(waiting.size()), waiting, types, true);
}

SmallVector<Value> HopperAsm::multiply(Type element, int64_t columns, ArrayRef<Value> accumulators, ArrayRef<Value> a,
                                       Value b) {
  bool fromRegisters = a.size() > 1, adds = !accumulators.empty();
  int64_t count = columns / 2, first = adds ? 2 * count : count;
  std::string sums, left, constraints;
  for (int64_t i = 0; i < count; ++i)
    sums += (i ? ", $" : "$") + std::to_string(i);
  for (size_t i = 0; i < a.size(); ++i)
    left += (i ? ", $" : "$") + std::to_string(first + i);
  if (fromRegisters)
    left = "{" + left + "}";
  if (adds) {
    constraints = tied(count);
  } else {
    for (int64_t i = 0; i < count; ++i)
      constraints += i ? ",=f" : "=f";
  }
  for (size_t i = 0; i < a.size(); ++i)
    constraints += fromRegisters ? ",r" : ",l";
  constraints += ",l";
  std::string type = element.isF16() ? "f16" : "bf16";
  // Last, whether A and B are stored along the inner size (0) or across it (1); registers have no such choice.
  std::string text = "{\n.reg .pred p;\nsetp.ne.b32 p, " + std::to_string(adds) + ", 0;\nwgmma.mma_async.sync.aligned.m64n" +
                     std::to_string(columns) + "k16.f32." + type + "." + type + " {" + sums + "}, " + left + ", $" +
                     std::to_string(first + a.size()) + ", p, 1, 1, " + (fromRegisters ? "1" : "0, 0") + ";\n}";
  SmallVector<Value> operands(accumulators);
  operands.append(a.begin(), a.end());
  operands.push_back(b);
  return values(text, constraints, operands, SmallVector<Type>(count, emit.getF32Type()), true);
}

SmallVector<Value> HopperAsm::multiplyShared(Type element, int64_t columns, ArrayRef<Value> accumulators, Value a, Value b) {
  return multiply(element, columns, accumulators, a, b);
}
SmallVector<Value> HopperAsm::multiplyRegisters(Type element, int64_t columns, ArrayRef<Value> accumulators,
                                                ArrayRef<Value> a, Value b) {
  return multiply(element, columns, accumulators, a, b);
}

Value HopperAsm::descriptor(Value address, int64_t leading, int64_t stride) {
  Value place = emit.createOrFold<arith::AndIOp>(emit.createOrFold<arith::ShRUIOp>(address, i32(4)), i32(0x3fff));
  int64_t fields = (leading >> 4) << 16 | (stride >> 4) << 32 | int64_t(1) << 62;
  Value constant = arith::ConstantOp::create(emit, emit.getI64IntegerAttr(fields));
  return arith::OrIOp::create(emit, arith::ExtUIOp::create(emit, emit.getI64Type(), place), constant);
}
Value HopperAsm::advance(Value descriptor, int64_t bytes) {
  if (!bytes)
    return descriptor;
  return arith::AddIOp::create(emit, descriptor, arith::ConstantOp::create(emit, emit.getI64IntegerAttr(bytes >> 4)));
}

} // namespace heed::device
