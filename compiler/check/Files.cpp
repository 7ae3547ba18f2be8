// Files.cpp - the files of a compilation: the user's, what it imports, and the standard library.

#include "compiler/check/Files.h"
#include "compiler/check/Elaborator.h"
#include "compiler/frontend/Parse.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace heed::elaborate {

namespace fs = std::filesystem;

void Files::loadLibrary() {
  scopes.emplace_back();
  library = &scopes.back();
  library->path = "<library>";
  libraryRange = {0, 0};
  for (LibraryFile const &file : standardLibrary()) {
    uint32_t base = sources.add(std::string(file.name), std::string(file.text));
    if (libraryRange.first == 0)
      libraryRange.first = base;
    libraryRange.second = base + uint32_t(file.text.size()) + 1;
    trees.push_back(parse(sources, base, diagnostics));
    declare(trees.back(), *library);
  }
}

void Files::declare(ast::File const &file, FileScope &scope) {
  auto twice = [&](ast::Name const &name, ast::Range first) {
    diagnostics.error(Code::H0302, name.range, fmt::format("'{}' is defined twice", name.text),
                      Note{first, "first defined here"});
  };
  for (ast::Item const &item : file.items) {
    if (auto *callable = get<ast::Callable>(item)) {
      std::string const &name = callable->name.text;
      if (isBuiltin(name)) {
        diagnostics.error(Code::H0311, callable->name.range,
                          fmt::format("'{}' is a function of the language and cannot be defined anew", name));
        continue;
      }
      if (name == "heed" && callable->kind == ast::CallableKind::Model) {
        diagnostics.error(Code::H0311, callable->name.range,
                          "a model cannot be called 'heed': the runtime's names in C begin so");
        continue;
      }
      auto constant = scope.constants.find(name);
      auto [place, added] = scope.callables.try_emplace(name, callable);
      if (!added || constant != scope.constants.end())
        twice(callable->name, added ? constant->second.item->name.range : place->second->name.range);
    } else if (auto *consts = get<ast::Consts>(item)) {
      for (ast::ConstItem const &constant : consts->items) {
        auto callable = scope.callables.find(constant.name.text);
        auto [place, added] = scope.constants.try_emplace(constant.name.text);
        if (!added || callable != scope.callables.end())
          twice(constant.name, added ? callable->second->name.range : place->second.item->name.range);
        if (added)
          place->second.item = &constant;
      }
    }
  }
}

void Files::loadImports(ast::File const &file, FileScope &scope, unsigned depth) {
  for (ast::Item const &item : file.items) {
    auto *import = get<ast::Import>(item);
    if (!import)
      continue;
    fs::path path = fs::path(scope.path).parent_path() / import->path.value;
    std::error_code failure;
    std::string key = fs::weakly_canonical(path, failure).string();
    if (failure || key.empty())
      key = path.lexically_normal().string();
    if (auto known = loaded.find(key); known != loaded.end()) {
      if (!known->second)
        diagnostics.error(Code::H0308, import->range,
                          fmt::format("'{}' imports itself, directly or through others", import->path.value));
      else
        scope.imports.push_back(known->second);
      continue;
    }
    if (depth > 64) {
      diagnostics.error(Code::H0308, import->range, "imports are nested too deeply");
      continue;
    }
    bool regular = fs::is_regular_file(path, failure);
    std::ifstream stream(path, std::ios::binary);
    if (!regular || !stream || fs::file_size(path, failure) > (16u << 20)) {
      diagnostics.error(Code::H0308, import->range, fmt::format("cannot read '{}'", path.string()));
      loaded[key] = library; // reported once
      continue;
    }
    std::ostringstream text;
    text << stream.rdbuf();
    loaded[key] = nullptr;
    uint32_t base = sources.add(path.string(), std::move(text).str());
    trees.push_back(parse(sources, base, diagnostics));
    ast::File const &tree = trees.back();
    scopes.emplace_back();
    FileScope &imported = scopes.back();
    imported.path = path.string();
    declare(tree, imported);
    loadImports(tree, imported, depth + 1);
    imported.imports.push_back(library);
    loaded[key] = &imported;
    scope.imports.push_back(&imported);
  }
}

FileScope &Files::load(ast::File const &file, std::string_view path) {
  loadLibrary();
  scopes.emplace_back();
  FileScope &scope = scopes.back();
  scope.path = std::string(path);
  std::error_code failure;
  loaded[fs::weakly_canonical(fs::path(scope.path), failure).string()] = nullptr;
  declare(file, scope);
  loadImports(file, scope, 0);
  scope.imports.push_back(library);
  return scope;
}

} // namespace heed::elaborate
