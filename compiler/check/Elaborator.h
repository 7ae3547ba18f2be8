// Elaborator.h - writes a model out: calls inlined, repeats unrolled, every definition a scalar equation.
//
// A definition is elaborated with a stack of bound indices: its own, those of the reductions around an expression, and
// those over which a call is lifted. What is stored gets one axis per bound index it depends on, and then its own axes.
// Domains come later (Domains.cpp): here a definition has only its `where`.
#pragma once

#include "compiler/check/Check.h"
#include "compiler/check/Scope.h"
#include "compiler/check/Syntax.h"

#include <deque>

namespace heed::elaborate {

/// A definition as elaborated: indices are its own, `where` is what the source says.
struct Emitted {
  Definition definition; // domain: the where
  ExprPtr until;
  Instance const *instance = nullptr;
  ast::Range range;
  bool group = false; // a member of a recurrence by its names
};

/// `s[-1] = value`; `start.offset` is set when the length of the recurrence is known.
struct EmittedStart {
  Start start;
  Size position;
  unsigned axis = 0; // of the time
  ast::Range range;
  Instance const *instance = nullptr;
};

class Elaborator {
public:
  Elaborator(SourceManager &sources, Diagnostics &diagnostics, std::pair<uint32_t, uint32_t> libraryRange)
      : sizes(program.dims), sources(sources), diagnostics(diagnostics), library(libraryRange) {}

  /// Elaborates `model`. The program then has tensors, indices and dims, but no steps; `emitted` holds the definitions.
  void run(ast::Callable const &model, FileScope const &file);

  Program program;
  SizeSolver sizes;
  std::deque<Emitted> emitted;
  std::map<TensorId, std::vector<EmittedStart>> starts;
  /// Results on request (Probes.cpp): the patterns that ask for definitions, and what they have found.
  struct Probe {
    TensorId tensor;
    std::string name;
  };
  std::vector<std::string> probePatterns;
  std::vector<Probe> probes;
  /// The names of all definitions with their shapes, in order; filled if something is asked for.
  std::vector<std::pair<std::string, std::vector<Size>>> named;
  bool wantsNames = false;
  /// Reports patterns that have found nothing.
  void checkProbes();
  /// Adds the results, once the domains are known.
  void addProbes();

  /// Reports at the user's line: an error inside the library is shown where the user calls it, with the place as the
  /// note.
  void error(Code code, ast::Range range, std::string text, std::optional<Note> note, Instance const *instance);
  /// The source text of a range on one line, or "" if it is long.
  std::string textOf(ast::Range range) const;

private:
  SourceManager &sources;
  Diagnostics &diagnostics;
  std::pair<uint32_t, uint32_t> library;
  std::deque<Instance> instances;
  std::deque<Scope> iterations;

  // The context of the expression being elaborated.
  Instance *instance = nullptr;
  Scope *scope = nullptr;
  IndexFrame const *frame = nullptr;
  std::vector<IndexId> bound;       // outermost first
  std::vector<ExprPtr> assumptions; // conditions under which this place is evaluated
  unsigned depth = 0;
  std::map<IndexId, std::pair<ast::Range, std::string>> indexUses; // the axis that first gave an index its size
  std::map<std::string, unsigned> usedNames;
  std::set<std::string> usedPaths;
  std::set<std::pair<Instance const *, std::string>> reportedNames; // unknown names, once per body

  void error(Code code, ast::Range range, std::string text, std::optional<Note> note = {}) {
    error(code, range, std::move(text), std::move(note), instance);
  }
  struct Restore; // saves and restores the context

  // Models and files (Models.cpp)
  void declareModelInputs();
  void declareDims(std::vector<ast::Statement> const &statements, bool model);
  void finishModel();
  Element elementFrom(ast::Type const &type);
  std::vector<Size> shapeFrom(ast::Type const &type);
  bool checkShape(std::vector<Size> const &shape, ast::Range range);
  TensorPtr wholeTensor(TensorId tensor, ast::Range range);
  std::string uniqueName(std::string const &wanted);

  // Bodies (Bodies.cpp)
  struct BodyNode;
  void elaborateBody(std::vector<ast::Statement> const &statements, Scope &body);
  void declareParams(ast::Params const &params);
  std::optional<std::vector<Size>> constantShape(std::vector<ast::Expr> const &exprs, ast::Range range);
  TensorPtr declareParam(std::string const &name, Element element, std::vector<Size> const &shape,
                         std::string const &from, ast::Range range);
  TensorPtr scaled(TensorPtr const &stored, TensorPtr const &factor, ast::Range range);
  void declareConsts(ast::Consts const &consts);
  void elaborateRepeat(ast::Repeat const &repeat, Scope &body, size_t position,
                       std::set<std::string> const &reboundNames);
  std::vector<BodyNode> bodyNodes(std::vector<ast::Statement> const &statements, Scope &body);
  std::string weightName(ast::Text const &pattern, std::string const &path);
  void selfDependence(std::vector<std::pair<std::string, ast::Range>> const &cycle);

  // Definitions (Definitions.cpp)
  struct Promise {
    TensorId tensor;
    std::vector<IndexId> lifted;
    std::vector<Size> shape; // without the lifted axes
    Scalar type = Scalar::Real;
    ast::Range range;
  };
  struct Pair { // one target and its value
    ast::Target const *target;
    ast::Expr const *value;
    Value given; // when the value is one result of a call
  };
  void elaborateDefinition(ast::Definition const &definition, Scope &body,
                           std::map<std::string, Promise> const *promises = nullptr);
  void elaboratePair(ast::Definition const &definition, Pair const &pair, Scope &body,
                     std::map<std::string, Promise> const *promises, bool last);
  void finishPair(ast::Definition const &definition, ast::Target const &target, Scope &body, Promise const *promise,
                  std::vector<IndexId> const &ids, IndexFrame const &own, ExprPtr const &where, TensorPtr value,
                  int softmaxAxis, bool last);
  bool isIntegerTarget(ast::Target const &target, Promise const *promise) const;
  bool bindTargetIndices(ast::Target const &target, IndexFrame &own, Scope &body, int skip = -1);
  bool pushConditions(ast::Expr const &where);
  TensorPtr store(TensorPtr const &value, std::string const &name, ast::Range range, size_t assumptionDepth,
                  bool softmaxLast = false);
  TensorPtr storeTemporary(TensorPtr const &value);
  std::string temporaryName();
  TensorPtr copiedTensor(TensorPtr const &value, std::vector<IndexId> const &ids);
  TensorPtr emit(Emitted item, std::vector<IndexId> const &own, TensorPtr const &value, std::string const &name,
                 Element element, Promise const *promise, std::map<IndexId, ExprPtr> &renaming,
                 size_t assumptionDepth = 0);
  std::vector<IndexId> liftedIndices(std::vector<IndexId> const &free, size_t depth) const;
  IndexId newIndex(std::string const &name, Size const &size);

  // Recurrences (Groups.cpp)
  void elaborateGroup(std::vector<ast::Definition const *> const &definitions,
                      std::map<std::string, std::vector<std::pair<ast::Definition const *, size_t>>> const &starts,
                      Scope &body);
  bool elaborateStart(ast::Definition const &definition, size_t which, Promise &promise, Scope &body);
  std::vector<IndexId> groupLifts(std::vector<ast::Definition const *> const &definitions, Scope &body);
  std::optional<Scalar> guessType(ast::Expr const &expr, size_t which, std::map<std::string, Scalar> const &members,
                                  std::set<std::string> const &indices);
  std::optional<Scalar> guessCall(ast::Call const &call, size_t which, std::map<std::string, Scalar> const &members,
                                  std::set<std::string> const &indices);

  // Expressions (Expressions.cpp)
  Value evaluate(ast::Expr const &expr);
  TensorPtr tensor(ast::Expr const &expr); // a tensor or number, or null after an error
  TensorPtr asTensor(Value const &value, ast::Range range);
  Value evaluateName(ast::Name const &name);
  Value evaluateUnary(ast::Unary const &unary);
  Value evaluateChain(ast::Chain const &chain);
  Value evaluateLogic(ast::Chain const &chain);
  TensorPtr arithmetic(ast::BinaryOp op, TensorPtr left, TensorPtr right, ast::Range range);
  TensorPtr elementwise(ast::Range range, std::vector<TensorPtr> operands,
                        std::function<ExprPtr(Subscripts const &)> f);
  TensorPtr convert(TensorPtr value, Scalar type, ast::Range range);
  bool toCommonType(std::vector<TensorPtr> &operands, ast::Range range, std::string_view what);
  std::string unknownName(std::string const &name);

  // Subscripts (Subscripts.cpp)
  Value evaluateIndex(ast::Index const &index);
  Value indexTensor(TensorPtr const &base, ast::Index const &index);
  Value indexList(ListValue const &list, ast::Index const &index);
  IndexId findIndex(std::string const &name) const;
  bool unifyIndex(IndexId index, Size const &size, ast::Range range, std::string const &axis);

  // Products (Products.cpp)
  TensorPtr matrixProduct(TensorPtr left, TensorPtr right, ast::Range range);
  TensorPtr dot(TensorPtr left, TensorPtr right, ast::Range range);
  TensorPtr concat(std::vector<TensorPtr> operands, ast::Range range);
  TensorPtr hoist(TensorPtr value, bool always);

  // Calls (Calls.cpp, Arguments.cpp)
  std::vector<Value> evaluateCallResults(ast::Call const &call);
  std::optional<FunctionValue> resolveCallee(ast::Call const &call, bool &direct);
  std::vector<Value> callFunction(FunctionValue const &function, ast::Call const &call, bool direct);
  bool bindArguments(FunctionValue const &function, ast::Call const &call, Instance &callee,
                     std::vector<IndexId> &lifted);
  bool bindTensorArgument(ast::Parameter const &parameter, TensorPtr value, ast::Range range, Instance &callee,
                          std::vector<IndexId> const &lifted);
  Value evaluateStatic(ast::Parameter const &parameter, ast::Expr const &expr);
  Value evaluateFunction(ast::Expr const &expr);
  void bindUnknownDims(ast::Callable const &callable, Scope &body);
  std::vector<Value> collectResults(Instance &callee, std::vector<IndexId> const &lifted,
                                    std::vector<Size> const &leading);
  std::string segment(ast::Call const &call, Instance &callee, FunctionValue const &function);
  void nameUse(ast::Call const &call, Instance &callee, FunctionValue const &function);
  static Value foldStatic(Value const &value);

  // Built-in functions and reductions (Builtins.cpp, Reductions.cpp)
  Value evaluateBuiltin(std::string const &name, ast::Call const &call);
  TensorPtr applyBuiltin(std::string const &name, std::vector<TensorPtr> operands, ast::Range range);
  Value evaluateReduction(std::string const &name, ast::Call const &call);
  TensorPtr reduceValue(std::string const &name, std::vector<IndexId> const &indices, ExprPtr domain,
                        TensorPtr const &body, ast::Range range);
  TensorPtr reduceLastAxis(std::string const &name, TensorPtr body, ast::Range range);
  Value evaluateSoftmax(ast::Call const &call);

  // Probes (Probes.cpp)
  std::string defining; // the name of the definition being elaborated
  bool isProbed(std::string const &name);
  void noteName(std::string const &name, TensorPtr const &value);
  struct Naming; // names the definition being elaborated
  std::string softmaxName();
  void noteSoftmax();
  void addProbe(Probe const &probe);
  std::vector<bool> probeFound;

  // Selections (Selections.cpp)
  std::optional<int64_t> selectionCount(ast::Call const &call);
  TensorPtr selectionValue(ast::Call const &call);
  Value evaluateSelection(ast::Call const &call);

  friend struct SoftmaxDefinition;

  // Static lists (Lists.cpp)
  Value evaluateList(ast::ListOf const &list);
  bool appendItems(std::vector<ast::Expr> const &items, ListValue &list);
  std::optional<std::vector<Value>> valuesOf(ast::Each const &each);
  Value lengthOf(ast::Call const &call);
  std::optional<std::vector<TensorPtr>> tensorsOf(ListValue const &list, ast::Range range);
  Value reduceList(std::string const &name, ListValue const &list, ast::Range range);
  bool callsElement(ast::Call const &call);
  std::optional<FunctionValue> calledElement(ast::Call const &call);

  // Names and sizes (Scope.cpp)
  ast::Callable const *findCallable(std::string const &name, FileScope const &from, FileScope const *&where) const;
  Value *findConstant(std::string const &name, FileScope const &from);
  std::set<std::string> visibleNames();
  std::optional<Size> toSize(ExprPtr const &expr, ast::Range range);
  std::optional<Size> evaluateSize(ast::Expr const &expr);
};

bool isBuiltin(std::string const &name);

/// Saves the context on construction, restores it on destruction.
struct Elaborator::Restore {
  explicit Restore(Elaborator &e)
      : e(e), instance(e.instance), scope(e.scope), frame(e.frame), bound(e.bound.size()),
        assumptions(e.assumptions.size()) {}
  ~Restore() {
    e.instance = instance;
    e.scope = scope;
    e.frame = frame;
    e.bound.resize(bound);
    e.assumptions.resize(assumptions);
  }
  Restore(Restore const &) = delete;
  Elaborator &e;
  Instance *instance;
  Scope *scope;
  IndexFrame const *frame;
  size_t bound, assumptions;
};

/// While it lives, what is stored on the way is named after `target`.
struct Elaborator::Naming {
  Naming(Elaborator &e, ast::Target const &target, Scope const &body) : e(e), outer(std::move(e.defining)) {
    e.defining = e.instance->prefix + target.name.text + body.suffix;
  }
  ~Naming() { e.defining = std::move(outer); }
  Naming(Naming const &) = delete;
  Elaborator &e;
  std::string outer;
};

} // namespace heed::elaborate
