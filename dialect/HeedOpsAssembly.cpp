// HeedOpsAssembly.cpp - parsing and printing of regions with named indices, and of scans.
#include "dialect/HeedOps.h"

using namespace mlir;
using namespace heed::ir;

/// `(%i, %j, %dot: f32) { ... }`: an argument without a type is an index.
static ParseResult parseIndexed(OpAsmParser &parser, Region &region) {
  SmallVector<OpAsmParser::Argument> arguments;
  auto parseOne = [&]() -> ParseResult {
    OpAsmParser::Argument &argument = arguments.emplace_back();
    argument.type = parser.getBuilder().getIndexType();
    if (parser.parseArgument(argument))
      return failure();
    if (succeeded(parser.parseOptionalColon()) && parser.parseType(argument.type))
      return failure();
    return parser.parseOptionalLocationSpecifier(argument.sourceLoc);
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseOne))
    return failure();
  return parser.parseRegion(region, arguments);
}

static void printIndexed(OpAsmPrinter &printer, Region &region) {
  printer << '(';
  llvm::interleaveComma(region.getArguments(), printer, [&](BlockArgument argument) {
    printer.printRegionArgument(argument, {}, isa<IndexType>(argument.getType()));
  });
  printer << ") ";
  printer.printRegion(region, /*printEntryBlockArgs=*/false);
}

/// `where (%i) { ... } <keyword> (%i) { ... }`: the domain may be missing.
static ParseResult parseRegions(OpAsmParser &parser, StringRef keyword, Region &domain, Region &body) {
  if (succeeded(parser.parseOptionalKeyword("where")) && parseIndexed(parser, domain))
    return failure();
  return failure(parser.parseKeyword(keyword) || parseIndexed(parser, body));
}
/// Those that are there, each behind its keyword.
static void printRegions(OpAsmPrinter &printer, ArrayRef<std::pair<StringRef, Region &>> regions) {
  StringRef separator = "";
  for (auto [keyword, region] : regions) {
    if (region.empty())
      continue;
    printer << separator << keyword << ' ';
    printIndexed(printer, region);
    separator = " ";
  }
}

static ParseResult parseDefinition(OpAsmParser &parser, Region &domain, Region &value) {
  return parseRegions(parser, "value", domain, value);
}
static void printDefinition(OpAsmPrinter &printer, Operation *, Region &domain, Region &value) {
  printRegions(printer, {{"where", domain}, {"value", value}});
}

/// `keyword (%i) { ... }` or nothing.
static ParseResult parseOptionalRegion(OpAsmParser &parser, StringRef keyword, Region &region) {
  return failure(succeeded(parser.parseOptionalKeyword(keyword)) && parseIndexed(parser, region));
}

static ParseResult parseNormalised(OpAsmParser &parser, Region &domain, Region &value, Region &rest) {
  return failure(parseRegions(parser, "value", domain, value) || parseOptionalRegion(parser, "rest", rest));
}
static void printNormalised(OpAsmPrinter &printer, Operation *, Region &domain, Region &value, Region &rest) {
  printRegions(printer, {{"where", domain}, {"value", value}, {"rest", rest}});
}
static ParseResult parsePairs(OpAsmParser &parser, Region &domain, Region &combine, Region &score, Region &rest) {
  return failure(parseOptionalRegion(parser, "where", domain) || parseOptionalRegion(parser, "combine", combine) ||
                 parser.parseKeyword("score") || parseIndexed(parser, score) ||
                 parseOptionalRegion(parser, "rest", rest));
}
static void printPairs(OpAsmPrinter &printer, Operation *, Region &domain, Region &combine, Region &score,
                       Region &rest) {
  printRegions(printer, {{"where", domain}, {"combine", combine}, {"score", score}, {"rest", rest}});
}

/// `%q, %k, %v : types`, or `%v : type` when the score computes everything itself.
static ParseResult parseAttentionInputs(OpAsmParser &parser, std::optional<OpAsmParser::UnresolvedOperand> &query,
                                        std::optional<OpAsmParser::UnresolvedOperand> &key,
                                        OpAsmParser::UnresolvedOperand &source, Type &queryType, Type &keyType,
                                        Type &sourceType) {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseOperandList(operands) || parser.parseColonTypeList(types))
    return failure();
  if ((operands.size() != 1 && operands.size() != 3) || types.size() != operands.size())
    return parser.emitError(location, "expected query, key and value, or only a value, each with its type");
  source = operands.back();
  sourceType = types.back();
  if (operands.size() == 3) {
    query = operands[0], key = operands[1];
    queryType = types[0], keyType = types[1];
  }
  return success();
}
static void printAttentionInputs(OpAsmPrinter &printer, Operation *, Value query, Value key, Value source, Type, Type,
                                 Type) {
  SmallVector<Value> operands;
  for (Value operand : {query, key, source})
    if (operand)
      operands.push_back(operand);
  printer << operands << " : " << TypeRange(ValueRange(operands));
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand steps;
  SmallVector<OpAsmParser::UnresolvedOperand> inits;
  SmallVector<Type> types, results;
  Type index = parser.getBuilder().getIndexType();
  if (parser.parseLParen() || parser.parseOperand(steps) || parser.parseRParen() ||
      parser.resolveOperand(steps, index, result.operands))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("backward")))
    result.getOrAddProperties<Properties>().backward = parser.getBuilder().getUnitAttr();
  SMLoc location = parser.getCurrentLocation();
  if (succeeded(parser.parseOptionalKeyword("states")) && (parser.parseLParen() || parser.parseOperandList(inits) ||
                                                           parser.parseColonTypeList(types) || parser.parseRParen()))
    return failure();
  if (parser.resolveOperands(inits, types, location, result.operands) || parser.parseKeyword("body") ||
      parseIndexed(parser, *result.addRegion()) || parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseOptionalArrowTypeList(results))
    return failure();
  result.addTypes(results);
  bool until = succeeded(parser.parseOptionalKeyword("until"));
  if (until)
    result.addTypes(index);
  result.getOrAddProperties<Properties>().resultSegmentSizes = {static_cast<int32_t>(results.size()), until};
  return success();
}

void ScanOp::print(OpAsmPrinter &printer) {
  printer << " (" << getSteps() << ") ";
  if (getBackward())
    printer << "backward ";
  if (!getInits().empty())
    printer << "states(" << getInits() << " : " << getInits().getTypes() << ") ";
  printer << "body ";
  printIndexed(printer, getBody());
  printer.printOptionalAttrDict((*this)->getAttrs(), {"backward", "resultSegmentSizes"});
  printer.printOptionalArrowTypeList(getStates().getTypes());
  if (getTaken())
    printer << " until";
}

static void nameIndices(Region &region, OpAsmSetValueNameFn setName, unsigned first = 0) {
  static constexpr StringRef names[] = {"i", "j", "k", "l", "m", "n", "o", "p"};
  if (region.empty())
    return;
  for (BlockArgument argument : region.getArguments()) {
    unsigned number = first + argument.getArgNumber();
    if (isa<IndexType>(argument.getType()) && number < std::size(names))
      setName(argument, names[number]);
  }
}

#define NAMES_OF_DEFINITION(OP)                                                                                        \
  void OP::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) { nameIndices(region, setName); }
NAMES_OF_DEFINITION(DefineOp)
NAMES_OF_DEFINITION(SoftmaxOp)
NAMES_OF_DEFINITION(CheckOp)
#undef NAMES_OF_DEFINITION

void ReduceOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  nameIndices(region, setName, /*first=*/2);
}

void ScanOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  if (!region.empty() && region.getNumArguments() > 0)
    setName(region.getArgument(0), "t");
}

void AttentionOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  nameIndices(region, setName);
  if (region.empty() || region.getNumArguments() != getBatchRank() + 3)
    return;
  if (&region == &getScore())
    return setName(region.getArguments().back(), "dot");
  setName(region.getArgument(getBatchRank() + 1), "query");
  setName(region.getArgument(getBatchRank() + 2), "key");
}

#define GET_OP_CLASSES
#include "dialect/HeedOps.cpp.inc"
