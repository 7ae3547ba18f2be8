// Warp.cpp - exchanges between the lanes of a warp.
#include "test/gpusim/Number.h"
#include "test/gpusim/ops/Spaces.h"

#include <algorithm>

namespace gpusim {

namespace {

/// The .sync forms name the lanes that take part: each that is named and has not left must be here.
void checkMembers(Warp &warp, std::uint32_t place, Mask mask, char const *what) {
  auto const *members = warp.at<std::uint32_t>(place);
  Mask named = members[__builtin_ctz(mask)];
  forLanes(mask, [&](unsigned lane) {
    if (members[lane] != named)
      failAt(lane, "{}: the masks of members differ: {:#x} and {:#x}", what, named, members[lane]);
    if (!(named >> lane & 1))
      failAt(lane, "{} by a lane that its mask {:#x} does not name", what, named);
  });
  if (Mask missing = named & warp.alive & ~mask)
    failAt(unsigned(__builtin_ctz(missing)), "{} names this lane, which is elsewhere (mask {:#x}, here {:#x})", what,
           named, mask);
}

enum class Shuffle { Up, Down, Butterfly, Index };

void shuffleHandler(Warp &warp, Instruction const &i, Mask mask) {
  checkMembers(warp, i.source[3], mask, "shfl.sync");
  auto const *value = warp.at<std::uint32_t>(i.source[0]), *by = warp.at<std::uint32_t>(i.source[1]),
             *clamp = warp.at<std::uint32_t>(i.source[2]);
  std::uint32_t results[32];
  Mask inRange = 0;
  forLanes(mask, [&](unsigned lane) {
    unsigned segment = clamp[lane] >> 8 & 31, limit = clamp[lane] & 31, b = by[lane] & 31;
    int last = int((lane & segment) | (limit & ~segment)), first = int(lane & segment), from = 0;
    bool valid = true;
    switch (Shuffle(i.immediate)) {
    case Shuffle::Up:
      from = int(lane) - int(b);
      valid = from >= last;
      break;
    case Shuffle::Down:
      from = int(lane + b);
      valid = from <= last;
      break;
    case Shuffle::Butterfly:
      from = int(lane ^ b);
      valid = from <= last;
      break;
    case Shuffle::Index:
      from = first | int(b & ~segment);
      valid = from <= last;
      break;
    }
    if (!valid)
      from = int(lane);
    if (!(mask >> from & 1))
      failAt(lane, "shfl.sync reads lane {}, which takes no part", from);
    results[lane] = value[from];
    inRange |= Mask(valid) << lane;
  });
  auto *out = warp.at<std::uint32_t>(i.result);
  forLanes(mask, [&](unsigned lane) { out[lane] = results[lane]; });
  Mask &predicate = warp.predicate(i.secondResult);
  predicate = (predicate & ~mask) | inRange;
}

void decodeShuffle(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto mode = modifiers.takeOneOf({"up", "down", "bfly", "idx"});
  if (!modifiers.take("sync") || !mode || modifiers.takeType() != Type::B32)
    fail("expected .sync, a mode and .b32");
  decoder.expectOperands(5);
  Operand const &to = decoder.operand(0), nowhere;
  bool isPair = to.kind == Operand::Kind::Pair;
  i.immediate = *mode;
  i.result = decoder.result(isPair ? to.parts[0] : to, 4);
  i.secondResult = decoder.predicateResult(isPair ? to.parts[1] : nowhere);
  for (unsigned index = 0; index < 4; ++index)
    i.source[index] = decoder.source(decoder.operand(index + 1), 4);
  i.run = shuffleHandler;
}

enum class Vote { All, Any, Uniform, Ballot };

void voteHandler(Warp &warp, Instruction const &i, Mask mask) {
  checkMembers(warp, i.source[1], mask, "vote.sync");
  Mask votes = (warp.predicate(i.source[0]) ^ (i.negated & 1 ? AllLanes : 0)) & mask;
  if (Vote(i.immediate) == Vote::Ballot) {
    auto *out = warp.at<std::uint32_t>(i.result);
    return forLanes(mask, [&](unsigned lane) { out[lane] = votes; });
  }
  bool answer = Vote(i.immediate) == Vote::Any   ? votes != 0
                : Vote(i.immediate) == Vote::All ? votes == mask
                                                 : votes == 0 || votes == mask;
  Mask &out = warp.predicate(i.result);
  out = (out & ~mask) | (answer ? mask : 0);
}

void decodeVote(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto mode = modifiers.takeOneOf({"all", "any", "uni", "ballot"});
  if (!modifiers.take("sync") || !mode)
    fail("expected .sync and a mode");
  i.immediate = *mode;
  bool isBallot = Vote(*mode) == Vote::Ballot;
  if (modifiers.takeType() != (isBallot ? Type::B32 : Type::Pred))
    fail("wrong type of result");
  decoder.expectOperands(3);
  i.result = isBallot ? decoder.result(decoder.operand(0), 4) : decoder.predicateResult(decoder.operand(0));
  i.source[0] = decoder.predicate(decoder.operand(1), i, 0);
  i.source[1] = decoder.source(decoder.operand(2), 4);
  i.run = voteHandler;
}

void electHandler(Warp &warp, Instruction const &i, Mask mask) {
  checkMembers(warp, i.source[0], mask, "elect.sync");
  unsigned leader = unsigned(__builtin_ctz(mask));
  auto *out = warp.at<std::uint32_t>(i.result);
  forLanes(mask, [&](unsigned lane) { out[lane] = leader; });
  Mask &predicate = warp.predicate(i.secondResult);
  predicate = (predicate & ~mask) | Mask(1) << leader;
}
void decodeElect(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("sync"))
    fail("expected .sync");
  decoder.expectOperands(2);
  if (decoder.operand(0).kind != Operand::Kind::Pair)
    fail("expected a register and a predicate");
  i.result = decoder.result(decoder.operand(0).parts[0], 4);
  i.secondResult = decoder.predicateResult(decoder.operand(0).parts[1]);
  i.source[0] = decoder.source(decoder.operand(1), 4);
  i.run = electHandler;
}

void activeMaskHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto *out = warp.at<std::uint32_t>(i.result);
  forLanes(mask, [&](unsigned lane) { out[lane] = mask; });
}
void decodeActiveMask(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.takeType();
  decoder.expectOperands(1);
  i.result = decoder.result(decoder.operand(0), 4);
  i.run = activeMaskHandler;
}

enum class Reduce { Add, Min, Max, And, Or, Xor };

template <class T>
T reduced(Warp &warp, Instruction const &i, Mask mask) {
  auto const *in = warp.at<T>(i.source[0]);
  T result = in[__builtin_ctz(mask)];
  forLanes(mask & (mask - 1), [&](unsigned lane) {
    switch (Reduce(i.immediate)) {
    case Reduce::Add:
      result = T(std::uint32_t(result) + std::uint32_t(in[lane]));
      break;
    case Reduce::Min:
      result = std::min(result, in[lane]);
      break;
    case Reduce::Max:
      result = std::max(result, in[lane]);
      break;
    case Reduce::And:
      result &= in[lane];
      break;
    case Reduce::Or:
      result |= in[lane];
      break;
    case Reduce::Xor:
      result ^= in[lane];
      break;
    }
  });
  return result;
}
void reduceHandler(Warp &warp, Instruction const &i, Mask mask) {
  checkMembers(warp, i.source[1], mask, "redux.sync");
  std::uint32_t result =
      i.type == Type::S32 ? std::uint32_t(reduced<std::int32_t>(warp, i, mask)) : reduced<std::uint32_t>(warp, i, mask);
  auto *out = warp.at<std::uint32_t>(i.result);
  forLanes(mask, [&](unsigned lane) { out[lane] = result; });
}
void decodeReduce(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto action = modifiers.takeOneOf({"add", "min", "max", "and", "or", "xor"});
  i.type = modifiers.takeType();
  if (!modifiers.take("sync") || !action || isFloating(i.type))
    fail("expected .sync, an action and an integer type");
  i.immediate = *action;
  decoder.expectOperands(3);
  i.result = decoder.result(decoder.operand(0), 4);
  i.source[0] = decoder.source(decoder.operand(1), 4);
  i.source[1] = decoder.source(decoder.operand(2), 4);
  i.run = reduceHandler;
}

/// match.any: of each lane, the lanes that hold the same value.
template <class T>
void matchHandler(Warp &warp, Instruction const &i, Mask mask) {
  checkMembers(warp, i.source[1], mask, "match.sync");
  auto const *in = warp.at<T>(i.source[0]);
  Mask results[32];
  forLanes(mask, [&](unsigned lane) {
    results[lane] = 0;
    forLanes(mask, [&](unsigned other) { results[lane] |= Mask(in[lane] == in[other]) << other; });
  });
  auto *out = warp.at<std::uint32_t>(i.result);
  forLanes(mask, [&](unsigned lane) { out[lane] = results[lane]; });
}
void decodeMatch(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  unsigned width = bytesOf(modifiers.takeType());
  if (!modifiers.take("any") || !modifiers.take("sync"))
    fail("only match.any.sync is supported");
  decoder.expectOperands(3);
  i.result = decoder.result(decoder.operand(0), 4);
  i.source[0] = decoder.source(decoder.operand(1), width);
  i.source[1] = decoder.source(decoder.operand(2), 4);
  i.run = width == 4 ? matchHandler<std::uint32_t> : matchHandler<std::uint64_t>;
}

void nothing(Warp &, Instruction const &, Mask) {}

void sleepHandler(Warp &warp, Instruction const &, Mask) { warp.yielded = true; }
void decodeSleep(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.takeType();
  decoder.expectOperands(1);
  decoder.source(decoder.operand(0), 4);
  i.run = sleepHandler;
}

/// Registers are not counted here, but the value has rules.
void decodeSetMaxRegisters(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.takeOneOf({"inc", "dec"}) || !modifiers.take("sync"))
    fail("expected .inc or .dec, and .sync");
  i.aligned = modifiers.take("aligned");
  if (modifiers.takeType() != Type::U32)
    fail("expected .u32");
  decoder.expectOperands(1);
  std::uint64_t count = decoder.immediate(decoder.operand(0));
  if (count < 24 || count > 256 || count % 8)
    fail("{} registers: expected a multiple of 8 from 24 to 256", count);
  i.run = nothing;
}

/// griddepcontrol: the grids of a stream run one after the other anyway.
void decodeGridDependence(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.takeOneOf({"wait", "launch_dependents"});
  decoder.expectOperands(0);
  i.run = nothing;
}

} // namespace

void addWarp(DecodeTable &table) {
  table["shfl"] = decodeShuffle;
  table["vote"] = decodeVote;
  table["elect"] = decodeElect;
  table["activemask"] = decodeActiveMask;
  table["redux"] = decodeReduce;
  table["match"] = decodeMatch;
  table["nanosleep"] = decodeSleep;
  table["setmaxnreg"] = decodeSetMaxRegisters;
  table["griddepcontrol"] = decodeGridDependence;
}

} // namespace gpusim
