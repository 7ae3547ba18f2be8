// Elementwise.h - handlers of operations that treat every lane alone.
#pragma once

#include "test/gpusim/Decoder.h"
#include "test/gpusim/Machine.h"

namespace gpusim {

/// `Operation` is a stateless function object; `Out` and `In` are the types of its result and of its operands.
template <class Operation, class Out, class A>
void unaryHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto *out = warp.at<Out>(i.result);
  auto const *a = warp.at<A>(i.source[0]);
  forLanes(mask, [&](unsigned lane) { out[lane] = Operation()(a[lane]); });
}

template <class Operation, class Out, class A, class B = A>
void binaryHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto *out = warp.at<Out>(i.result);
  auto const *a = warp.at<A>(i.source[0]);
  auto const *b = warp.at<B>(i.source[1]);
  forLanes(mask, [&](unsigned lane) { out[lane] = Operation()(a[lane], b[lane]); });
}

template <class Operation, class Out, class A, class B = A, class C = A>
void ternaryHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto *out = warp.at<Out>(i.result);
  auto const *a = warp.at<A>(i.source[0]);
  auto const *b = warp.at<B>(i.source[1]);
  auto const *c = warp.at<C>(i.source[2]);
  forLanes(mask, [&](unsigned lane) { out[lane] = Operation()(a[lane], b[lane], c[lane]); });
}

template <class Operation, class Out, class A>
void setUnary(Decoder &decoder, Instruction &i) {
  decoder.expectOperands(2);
  i.result = decoder.result(decoder.operand(0), sizeof(Out));
  i.source[0] = decoder.source(decoder.operand(1), sizeof(A));
  i.run = unaryHandler<Operation, Out, A>;
}

template <class Operation, class Out, class A, class B = A>
void setBinary(Decoder &decoder, Instruction &i) {
  decoder.expectOperands(3);
  i.result = decoder.result(decoder.operand(0), sizeof(Out));
  i.source[0] = decoder.source(decoder.operand(1), sizeof(A));
  i.source[1] = decoder.source(decoder.operand(2), sizeof(B));
  i.run = binaryHandler<Operation, Out, A, B>;
}

template <class Operation, class Out, class A, class B = A, class C = A>
void setTernary(Decoder &decoder, Instruction &i) {
  decoder.expectOperands(4);
  i.result = decoder.result(decoder.operand(0), sizeof(Out));
  i.source[0] = decoder.source(decoder.operand(1), sizeof(A));
  i.source[1] = decoder.source(decoder.operand(2), sizeof(B));
  i.source[2] = decoder.source(decoder.operand(3), sizeof(C));
  i.run = ternaryHandler<Operation, Out, A, B, C>;
}

/// Calls `set.template operator()<T>()` with the integer type that `type` names; fails for others.
template <class Set>
void dispatchInteger(Type type, Set &&set) {
  switch (type) {
  case Type::B16:
  case Type::U16:
    return set.template operator()<std::uint16_t>();
  case Type::S16:
    return set.template operator()<std::int16_t>();
  case Type::B32:
  case Type::U32:
    return set.template operator()<std::uint32_t>();
  case Type::S32:
    return set.template operator()<std::int32_t>();
  case Type::B64:
  case Type::U64:
    return set.template operator()<std::uint64_t>();
  case Type::S64:
    return set.template operator()<std::int64_t>();
  default:
    fail("this type is not supported here");
  }
}

} // namespace gpusim
