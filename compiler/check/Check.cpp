// Check.cpp - syntax tree to checked program, one stage after the other.

#include "compiler/check/Check.h"
#include "compiler/check/Causality.h"
#include "compiler/check/Domains.h"
#include "compiler/check/Elaborator.h"
#include "compiler/check/Files.h"
#include "compiler/check/Finish.h"
#include "compiler/check/Schedule.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed {

using namespace elaborate;

namespace {

ast::Callable const *chooseModel(ast::File const &file, std::string const &name, Diagnostics &diagnostics) {
  std::vector<ast::Callable const *> models;
  std::set<std::string> names;
  std::string list;
  for (ast::Item const &item : file.items)
    if (auto *callable = get<ast::Callable>(item); callable && callable->kind == ast::CallableKind::Model) {
      models.push_back(callable);
      names.insert(callable->name.text);
      list += (list.empty() ? "" : ", ") + callable->name.text;
    }
  ast::Range nowhere;
  if (models.empty()) {
    diagnostics.error(Code::H0307, nowhere,
                      "the file has no model; a model is what gets compiled: model name(inputs) -> outputs { ... }");
    return nullptr;
  }
  for (ast::Callable const *model : models)
    if (name.empty() ? models.size() == 1 : model->name.text == name)
      return model;
  if (name.empty()) {
    diagnostics.error(Code::H0307, models[1]->name.range,
                      fmt::format("the file has several models: {}; choose one", list));
    return nullptr;
  }
  std::string near = nearest(name, names);
  diagnostics.error(Code::H0307, nowhere,
                    fmt::format("the file has no model '{}'; it has {}{}", name, list,
                                near.empty() ? "" : "; did you mean '" + near + "'?"));
  return nullptr;
}

} // namespace

std::optional<Program> check(ast::File const &file, std::string_view path, SourceManager &sources,
                             Diagnostics &diagnostics, CheckOptions const &options) {
  resetBudget();
  Files files(sources, diagnostics);
  FileScope &scope = files.load(file, path);
  // A tree with holes would be met with errors that only follow from the first.
  auto isSyntax = [](Diagnostic const &d) {
    return codeName(d.code).starts_with("H01") || codeName(d.code).starts_with("H07");
  };
  if (std::any_of(diagnostics.all().begin(), diagnostics.all().end(), isSyntax))
    return std::nullopt;
  ast::Callable const *model = chooseModel(file, options.model, diagnostics);
  if (!model)
    return std::nullopt;
  Elaborator elaborator(sources, diagnostics, files.libraryRange);
  elaborator.probePatterns = options.probes;
  elaborator.wantsNames = options.definitions || !options.probes.empty();
  try {
    elaborator.run(*model, scope);
    elaborator.checkProbes();
    if (diagnostics.failed())
      return std::nullopt;
    if (options.definitions)
      for (auto &[name, shape] : elaborator.named)
        options.definitions->push_back(name + ": " + elaborator.sizes.print(shape));
    Scheduler scheduler(elaborator);
    scheduler.run();
    if (diagnostics.failed())
      return std::nullopt;
    completeDomains(elaborator, scheduler);
    if (diagnostics.failed())
      return std::nullopt;
    checkCausality(elaborator, scheduler);
    if (diagnostics.failed())
      return std::nullopt;
    elaborator.addProbes();
    finish(elaborator.program);
  } catch (LimitReached const &limit) {
    diagnostics.error(Code::H0707, model->name.range, limit.what());
    return std::nullopt;
  }
  return std::move(elaborator.program);
}

} // namespace heed
