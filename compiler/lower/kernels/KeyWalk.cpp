// KeyWalk.cpp - the formulas of domain::KeyBounds as index arithmetic, and lists of panels where they are not enough.
#include "compiler/lower/kernels/KeyWalk.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

KeyWalk::KeyWalk(Emit &emit, domain::Sweep const &sweep, KeyFilter &filter, QueryBlock const &queries,
                 ArrayRef<Value> symbols, int64_t tileKeys, int64_t width)
    : emit(emit), sweep(sweep), filter(filter), queries(queries), domainSymbols(symbols), tileKeys(tileKeys),
      width(width) {
  SmallVector<Value> all = withRows(queries.begin, emit.add(queries.begin, queries.count));
  for (domain::Part const &part : sweep.parts) {
    filter.prepare(part);
    Interval keys = withoutRows(part, interval(part.visible, all), emit.index(0), queries.count);
    (filter.scans(part) ? scanned : closed).push_back({&part, keys});
  }
  blockViolations = violations(emit.index(0), queries.count);
  isInterval = closed.size() <= 1 && scanned.empty();
}

SmallVector<Value> KeyWalk::withRows(Value rowBegin, Value rowEnd) {
  Steps const &steps = queries.steps;
  SmallVector<Value> symbols = {rowBegin, rowEnd, steps.rowOffset, steps.keyOffset, steps.keys}; // as in SweepSymbol
  symbols.append(domainSymbols);
  return symbols;
}

static Value extreme(Emit &emit, AffineMap map, ValueRange symbols, bool largest) {
  SmallVector<Value> values = *affine::expandAffineMap(emit, emit.getLoc(), map, symbols);
  Value result = values.front();
  for (Value value : ArrayRef(values).drop_front())
    result = largest ? emit.max(result, value) : emit.min(result, value);
  return result;
}

Interval KeyWalk::interval(domain::KeyBounds const &bounds, SmallVector<Value> symbols) {
  for (domain::Range const &local : bounds.locals) {
    Value low = extreme(emit, local.lower, symbols, true), high = extreme(emit, local.upper, symbols, false);
    symbols.append({low, high});
  }
  Value begin = extreme(emit, bounds.keys.lower, symbols, true);
  Value end = emit.add(extreme(emit, bounds.keys.upper, symbols, false), 1);
  for (AffineExpr guard : bounds.guards) {
    AffineMap map = AffineMap::get(0, symbols.size(), guard);
    Value value = affine::expandAffineMap(emit, emit.getLoc(), map, symbols)->front();
    Value holds = emit.compare(arith::CmpIPredicate::sge, value, emit.index(0));
    end = emit.createOrFold<arith::SelectOp>(holds, end, emit.index(0));
  }
  return {begin, end};
}

/// Empty if none of the rows passes the filters on queries.
Interval KeyWalk::withoutRows(domain::Part const &part, Interval keys, Value rowBegin, Value rowEnd) {
  if (part.rowFilters.empty())
    return keys;
  Value some = emit.choose(
      emit.less(keys.begin, keys.end), emit.getI1Type(),
      [&]() -> SmallVector<Value> { return {filter.anyRow(part, rowBegin, rowEnd)}; },
      [&]() -> SmallVector<Value> { return {arith::ConstantOp::create(emit, emit.getBoolAttr(false))}; })[0];
  return {keys.begin, arith::SelectOp::create(emit, some, keys.end, emit.index(0))};
}

void KeyWalk::take(Value number, Value parts) {
  Value zero = emit.index(0), low = queries.steps.keys, high = zero;
  auto eachVisible = [&](llvm::function_ref<void(Interval &)> body) {
    for (Group *group : {&closed, &scanned})
      for (Visible &visible : *group)
        body(visible.keys);
  };
  eachVisible([&](Interval &keys) {
    Value some = emit.less(keys.begin, keys.end);
    low = emit.min(low, emit.createOrFold<arith::SelectOp>(some, keys.begin, low));
    high = emit.max(high, emit.createOrFold<arith::SelectOp>(some, keys.end, high));
  });
  // Panels are not cut.
  if (!isInterval)
    low = emit.mul(emit.div(low, width), width);
  Value length = emit.max(emit.sub(high, low), zero);
  Value each = emit.createOrFold<arith::DivUIOp>(emit.add(length, emit.sub(parts, emit.index(1))), parts);
  each = emit.roundUp(each, tileKeys);
  Value begin = emit.add(low, emit.mul(number, each)), end = emit.add(begin, each);
  eachVisible([&](Interval &keys) { keys = {emit.max(keys.begin, begin), emit.min(keys.end, end)}; });
}

void KeyWalk::allocate() {
  list = memref::AllocaOp::create(emit, MemRefType::get({tileKeys / width + 1}, emit.getIndexType()));
}

void KeyWalk::tiles(llvm::function_ref<void(KeyTile const &)> body) {
  Value yes = arith::ConstantOp::create(emit, emit.getBoolAttr(true));
  if (isInterval) {
    if (closed.empty())
      return;
    Interval keys = closed.front().keys;
    return emit.loop(keys.begin, keys.end, tileKeys, [&](Value begin) {
      Value end = emit.min(emit.add(begin, tileKeys), keys.end);
      body({begin, emit.sub(end, begin), Value(), Value(), isFull(blockViolations, begin, end), yes, yes});
    });
  }
  // First the panels that scans ask for, whose rows may all differ in what they see; then what formulas give.
  Value firstPhase = emit.index(scanned.empty() ? 1 : 0), phases = emit.index(closed.empty() ? 1 : 2);
  Value zero = emit.index(0);
  SmallVector<Type> types(2, emit.getIndexType());
  scf::WhileOp::create(
      emit, types, ValueRange{firstPhase, zero},
      [&](OpBuilder &, Location, ValueRange state) {
        scf::ConditionOp::create(emit, emit.less(state[0], phases), state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value phase = state[0], position = state[1];
        Value panels = fill(phase, position);
        emit.branch(emit.less(zero, panels), [&] {
          KeyTile tile;
          Value lastPanel = memref::LoadOp::create(emit, list, emit.sub(panels, emit.index(1)));
          Value last = emit.mul(lastPanel, width);
          Value inLast = emit.min(emit.sub(queries.steps.keys, last), emit.index(width));
          tile.first = emit.mul(memref::LoadOp::create(emit, list, zero), width);
          tile.count = emit.add(emit.mul(emit.sub(panels, emit.index(1)), width), inLast);
          tile.list = list;
          tile.panels = panels;
          tile.full = isFull(blockViolations, tile.first, emit.add(last, inLast));
          tile.consecutive = emit.compare(arith::CmpIPredicate::eq, emit.sub(last, tile.first),
                                          emit.mul(emit.sub(panels, emit.index(1)), width));
          tile.trimmed = emit.compare(arith::CmpIPredicate::eq, phase, emit.index(1));
          body(tile);
        });
        // A list that is not full has seen the last panel.
        Value more = emit.compare(arith::CmpIPredicate::eq, panels, emit.index(tileKeys / width));
        Value next = emit.add(phase, 1);
        scf::YieldOp::create(emit, ValueRange{arith::SelectOp::create(emit, more, phase, next),
                                              arith::SelectOp::create(emit, more, position, zero)});
      });
}

KeyWalk::Cursor KeyWalk::start() {
  if (isInterval)
    return {closed.empty() ? emit.index(0) : closed.front().keys.begin};
  return {emit.index(scanned.empty() ? 1 : 0), emit.index(0)};
}

std::pair<KeyTile, KeyWalk::Cursor> KeyWalk::next(Cursor const &cursor) {
  Value zero = emit.index(0);
  KeyTile tile;
  tile.trimmed = arith::ConstantOp::create(emit, emit.getBoolAttr(true));
  if (isInterval) {
    Value begin = cursor[0], end = closed.empty() ? zero : closed.front().keys.end;
    tile.first = begin;
    tile.count = emit.max(emit.min(emit.sub(end, begin), emit.index(tileKeys)), zero);
    tile.full = isFull(blockViolations, begin, emit.add(begin, tile.count));
    return {tile, {emit.add(begin, tileKeys)}};
  }
  assert(tileKeys == width && "a tile of one panel is an interval");
  // A phase that has no more panels leads to the next.
  memref::StoreOp::create(emit, zero, list, zero); // defined where nothing is found
  Value phases = emit.index(closed.empty() ? 1 : 2);
  Type index = emit.getIndexType();
  SmallVector<Type> types(4, index);
  auto search = scf::WhileOp::create(
      emit, types, ValueRange{cursor[0], cursor[1], zero, zero},
      [&](OpBuilder &, Location, ValueRange state) {
        Value none = emit.compare(arith::CmpIPredicate::eq, state[2], zero);
        scf::ConditionOp::create(emit, arith::AndIOp::create(emit, none, emit.less(state[0], phases)), state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value phase = state[0], position = state[1];
        Value panels = fill(phase, position), some = emit.less(zero, panels);
        Value panel = memref::LoadOp::create(emit, list, zero);
        scf::YieldOp::create(emit, ValueRange{arith::SelectOp::create(emit, some, phase, emit.add(phase, 1)),
                                              arith::SelectOp::create(emit, some, position, zero), panels, panel});
      });
  Value some = emit.less(zero, search.getResult(2));
  tile.first = arith::SelectOp::create(emit, some, emit.mul(search.getResult(3), width), zero);
  Value count = emit.min(emit.sub(queries.steps.keys, tile.first), emit.index(width));
  tile.count = arith::SelectOp::create(emit, some, count, zero);
  tile.full = isFull(blockViolations, tile.first, emit.add(tile.first, tile.count));
  return {tile, {search.getResult(0), search.getResult(1)}};
}

/// The first panel from `position` on in one of the intervals, or the number of all panels.
Value KeyWalk::nextPanel(Group const &group, Value position) {
  Value none = emit.ceilDiv(queries.steps.keys, width), next = none;
  for (Visible const &visible : group) {
    Value begin = emit.div(emit.max(visible.keys.begin, emit.index(0)), width);
    Value end = emit.ceilDiv(emit.max(visible.keys.end, emit.index(0)), width);
    Value candidate = emit.max(position, begin);
    Value some = arith::AndIOp::create(emit, emit.less(visible.keys.begin, visible.keys.end), emit.less(candidate, end));
    next = emit.min(next, arith::SelectOp::create(emit, some, candidate, none));
  }
  return next;
}

/// Whether a scan asks for a panel.
Value KeyWalk::isScanned(Value panel) {
  Value any = arith::ConstantOp::create(emit, emit.getBoolAttr(false));
  Value begin = emit.mul(panel, width), end = emit.add(begin, width);
  for (Visible const &visible : scanned) {
    Value inside = arith::AndIOp::create(emit, emit.less(begin, visible.keys.end), emit.less(visible.keys.begin, end));
    any = emit.choose(
        inside, emit.getI1Type(),
        [&]() -> SmallVector<Value> {
          return {arith::OrIOp::create(emit, any, filter.anyKey(*visible.part, begin, width))};
        },
        [&]() -> SmallVector<Value> { return {any}; })[0];
  }
  return any;
}

/// Lists panels of a phase from `position` on, until the list is full or there are no more; says how many.
Value KeyWalk::fill(Value phase, Value &position) {
  Value none = emit.ceilDiv(queries.steps.keys, width), room = emit.index(tileKeys / width), zero = emit.index(0);
  Value first = emit.compare(arith::CmpIPredicate::eq, phase, zero);
  SmallVector<Type> types(2, emit.getIndexType());
  auto loop = scf::WhileOp::create(
      emit, types, ValueRange{position, zero},
      [&](OpBuilder &, Location, ValueRange state) {
        Value panel = closed.empty() ? nextPanel(scanned, state[0]) : nextPanel(closed, state[0]);
        if (!closed.empty() && !scanned.empty())
          panel = arith::SelectOp::create(emit, first, nextPanel(scanned, state[0]), panel);
        Value some = arith::AndIOp::create(emit, emit.less(panel, none), emit.less(state[1], room));
        scf::ConditionOp::create(emit, some, ValueRange{panel, state[1]});
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value panel = state[0], count = state[1];
        memref::StoreOp::create(emit, panel, list, count);
        Value taken = emit.index(1);
        if (!scanned.empty()) {
          // What a scan asks for is no part of the second phase.
          Value wanted = isScanned(panel);
          if (!closed.empty())
            wanted = arith::CmpIOp::create(emit, arith::CmpIPredicate::eq, wanted, first);
          taken = arith::SelectOp::create(emit, wanted, taken, zero);
        }
        scf::YieldOp::create(emit, ValueRange{emit.add(panel, 1), emit.add(count, taken)});
      });
  position = loop.getResult(0);
  return loop.getResult(1);
}

Value KeyWalk::step(KeyTile const &tile, Value key) {
  if (!tile.list)
    return emit.add(tile.first, key);
  Value panel = memref::LoadOp::create(emit, tile.list, emit.div(key, width));
  return emit.add(emit.mul(panel, width), emit.createOrFold<arith::RemUIOp>(key, emit.index(width)));
}

KeyWalk::Violations KeyWalk::violations(Value rowBegin, Value rowEnd) {
  Violations result{{emit.add(queries.begin, rowBegin), emit.add(queries.begin, rowEnd)}, {}};
  SmallVector<Value> symbols = withRows(result.rows.begin, result.rows.end);
  for (domain::Part const &part : sweep.parts) {
    result.parts.emplace_back();
    if (!part.violations)
      continue;
    result.parts.back().emplace();
    for (domain::KeyBounds const &violation : *part.violations)
      result.parts.back()->push_back(interval(violation, symbols));
  }
  return result;
}

Value KeyWalk::isFull(Violations const &violations, Value begin, Value end) {
  Value full = arith::ConstantOp::create(emit, emit.getBoolAttr(false));
  if (!sweep.skipped.empty() && sweep.lattice.stride != 1)
    return full;
  for (std::optional<SmallVector<Interval>> const &part : violations.parts) {
    if (!part)
      continue;
    Value all = arith::ConstantOp::create(emit, emit.getBoolAttr(true));
    for (Interval keys : *part) {
      // Disjoint: the common part of both is empty.
      Value apart = emit.compare(arith::CmpIPredicate::sle, emit.min(keys.end, end), emit.max(keys.begin, begin));
      all = emit.createOrFold<arith::AndIOp>(all, apart);
    }
    full = emit.createOrFold<arith::OrIOp>(full, all);
  }
  for (domain::Lattice const &lattice : sweep.skipped)
    full = emit.createOrFold<arith::AndIOp>(full, misses(lattice, violations.rows, {begin, end}));
  return full;
}

/// Whether no pair is on the lattice: j - i - shift takes all values of an interval, which holds no multiple of the stride.
Value KeyWalk::misses(domain::Lattice const &lattice, Interval rows, Interval keys) {
  AffineMap map = AffineMap::get(0, domainSymbols.size(), lattice.shift);
  Value shift = affine::expandAffineMap(emit, emit.getLoc(), map, domainSymbols)->front(), stride = emit.index(lattice.stride);
  auto distance = [&](Value key, Value row) { return emit.sub(emit.sub(key, row), shift); };
  Value least = emit.add(distance(keys.begin, rows.end), 1);
  Value largest = emit.sub(distance(keys.end, rows.begin), emit.index(1));
  Value multiple = emit.mul(emit.createOrFold<arith::FloorDivSIOp>(largest, stride), stride);
  return emit.less(multiple, least);
}

Interval KeyWalk::hull(KeyTile const &tile, Value rowBegin, Value rowEnd) {
  SmallVector<Value> symbols = withRows(emit.add(queries.begin, rowBegin), emit.add(queries.begin, rowEnd));
  Value zero = emit.index(0);
  if (isInterval) {
    domain::Part const &part = *closed.front().part;
    Interval keys = withoutRows(part, interval(part.visible, symbols), rowBegin, rowEnd);
    Value from = emit.max(emit.sub(keys.begin, tile.first), zero);
    Value to = emit.min(emit.max(emit.sub(keys.end, tile.first), zero), tile.count);
    // Panels are not cut.
    from = emit.mul(emit.div(from, width), width);
    return {from, emit.min(emit.roundUp(to, width), tile.count)};
  }
  Interval everything{zero, tile.count};
  if (closed.empty())
    return everything;
  SmallVector<Value> range = emit.choose(
      tile.trimmed, {emit.getIndexType(), emit.getIndexType()},
      [&]() -> SmallVector<Value> {
        Value low = queries.steps.keys, high = zero;
        for (Visible const &visible : closed) {
          Interval keys = withoutRows(*visible.part, interval(visible.part->visible, symbols), rowBegin, rowEnd);
          Value some = emit.less(keys.begin, keys.end);
          low = emit.min(low, arith::SelectOp::create(emit, some, keys.begin, low));
          high = emit.max(high, arith::SelectOp::create(emit, some, keys.end, high));
        }
        // Lists are in increasing order: count the panels in front, and those up to the end.
        SmallVector<Value> counts =
            emit.loop(zero, tile.panels, 1, ValueRange{zero, zero}, [&](Value position, ValueRange so) {
              Value begin = emit.mul(memref::LoadOp::create(emit, list, position), width);
              Value before = emit.compare(arith::CmpIPredicate::sle, emit.add(begin, width), low);
              Value upTo = emit.less(begin, high);
              auto plus = [&](Value count, Value when) {
                return emit.add(count, arith::SelectOp::create(emit, when, emit.index(1), zero));
              };
              return SmallVector<Value>{plus(so[0], before), plus(so[1], upTo)};
            });
        return {emit.mul(counts[0], width), emit.min(emit.mul(counts[1], width), tile.count)};
      },
      [&]() -> SmallVector<Value> { return {zero, tile.count}; });
  return {range[0], range[1]};
}

} // namespace heed::kernels
