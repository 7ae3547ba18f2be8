// Scope.h - what names mean: files, callables being elaborated, bodies, indices.
#pragma once

#include "compiler/check/Values.h"

#include <map>
#include <set>

namespace heed::elaborate {

/// The top level of one file (or of the whole standard library): constants, callables, and what it imports.
struct FileScope {
  std::string path;
  std::map<std::string, ast::Callable const *> callables;
  struct Constant {
    ast::ConstItem const *item = nullptr;
    Value value;
    enum State { Waiting, Running, Done } state = Waiting;
  };
  std::map<std::string, Constant> constants;
  std::vector<FileScope *> imports; // in order; the standard library is last
};

/// What a name in a body stands for.
struct Binding {
  Value value;
  ast::Range range;
  bool dim = false; // a size
};

/// A name can be bound anew by `repeat`: the binding that a statement sees is the latest one before it.
struct Version {
  size_t position;
  std::shared_ptr<Binding> binding;
};

struct Instance;

/// The names of one body: of a callable, or of one iteration of a repeat.
struct Scope {
  Scope *parent = nullptr; // of a repeat iteration: the body around it
  Instance *instance = nullptr;
  std::map<std::string, std::vector<Version>> names;
  std::set<std::string> rebound; // names whose versions differ by position
  std::map<std::string, std::shared_ptr<Binding>>
      carried;         // repeat: the outer names bound anew, as the last iteration left them
  size_t position = 0; // of the statement being elaborated
  std::vector<std::pair<std::string, int64_t>>
      counters;       // repeat counters, outermost first (over all enclosing repeats of the body)
  std::string suffix; // ".2.0": their values

  std::shared_ptr<Binding> find(std::string const &name);
  void bind(std::string const &name, Value value, ast::Range range);
};

struct ResultShape {
  std::vector<Size> shape;
  std::optional<Element> element; // nothing: as the definition has it
  ast::Range range;
};

/// One use of a function, layer or model.
struct Instance {
  ast::Callable const *callable = nullptr;
  FileScope const *file = nullptr;
  Instance *parent = nullptr;
  ast::Range call;                            // where the caller calls it
  Scope *caller = nullptr;                    // the scope of that place
  std::string prefix;                         // of tensor names: "block.3."
  std::string path;                           // of parameters
  size_t boundDepth = 0, assumptionDepth = 0; // the context of the call
  std::map<std::string, ResultShape> results;
  Scope body;
  // Segments of parameter paths belong to the nearest layer or model; a call in a function inside it is found by its
  // trail.
  Instance *owner = nullptr;
  std::vector<ast::Call const *> trail;
  std::map<std::pair<std::vector<ast::Call const *>, std::string>, std::string> segments;
  std::map<std::string, unsigned> segmentUses;
  unsigned temporaries = 0;
  unsigned depth = 0;
};

/// Index names that are visible, innermost first.
struct IndexFrame {
  IndexFrame const *parent = nullptr;
  std::vector<std::pair<std::string, IndexId>> names;
};

} // namespace heed::elaborate
