// Probes.cpp - definitions inside layers as results of the model, on request.
//
// A probe is a definition that copies another one: 0 where that has no value, so that it has one everywhere.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

namespace {

/// `*` stands for any text.
bool matches(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos)
    return pattern == name;
  if (!name.starts_with(pattern.substr(0, star)))
    return false;
  std::string_view rest = pattern.substr(star + 1);
  for (size_t at = star; at <= name.size(); ++at)
    if (matches(rest, name.substr(at)))
      return true;
  return false;
}

ExprPtr zeroOf(Scalar type) {
  switch (type) {
  case Scalar::Real:
    return build::real(0);
  case Scalar::Int:
    return build::integer(0);
  case Scalar::Bool:
    return build::boolean(false);
  }
  return nullptr;
}

} // namespace

bool Elaborator::isProbed(std::string const &name) {
  bool found = false;
  for (size_t k = 0; k < probePatterns.size(); ++k)
    if (matches(probePatterns[k], name)) {
      probeFound.resize(probePatterns.size());
      probeFound[k] = true;
      found = true;
    }
  return found;
}

void Elaborator::noteName(std::string const &name, TensorPtr const &value) {
  if (wantsNames && value)
    named.emplace_back(name, value->shape);
}

/// The weights of a softmax inside an expression are named after the definition they stand in.
std::string Elaborator::softmaxName() { return defining.empty() ? temporaryName() : defining + ".softmax"; }

void Elaborator::noteSoftmax() {
  TensorId id = emitted.back().definition.tensor;
  std::string const &name = program.tensors[id].name;
  if (wantsNames)
    named.emplace_back(name, program.tensors[id].shape);
  if (isProbed(name))
    probes.push_back({id, name});
}

void Elaborator::checkProbes() {
  probeFound.resize(probePatterns.size());
  for (size_t k = 0; k < probePatterns.size(); ++k) {
    if (probeFound[k])
      continue;
    std::set<std::string> names;
    std::string list;
    for (auto &[name, shape] : named)
      if (names.insert(name).second && names.size() <= 20)
        list += (list.empty() ? "" : ", ") + name;
    if (names.size() > 20)
      list += fmt::format(", and {} more", names.size() - 20);
    std::string near = nearest(probePatterns[k], names);
    diagnostics.error(Code::H0312, {},
                      fmt::format("no definition is called '{}'{} {}", probePatterns[k],
                                  near.empty() ? "; there are:" : "; did you mean '" + near + "'? There are:", list));
  }
}

void Elaborator::addProbes() {
  std::set<TensorId> added;
  for (Probe const &probe : probes)
    if (probe.name != program.tensors[probe.tensor].name || // a result of the model is one already
        std::find(program.outputs.begin(), program.outputs.end(), probe.tensor) == program.outputs.end())
      if (added.insert(probe.tensor).second)
        addProbe(probe);
}

void Elaborator::addProbe(Probe const &probe) {
  Definition const *source = nullptr;
  Recurrence *recurrence = nullptr;
  for (Step &step : program.steps) {
    if (auto *definition = std::get_if<Definition>(&step)) {
      if (definition->tensor == probe.tensor)
        source = definition;
      continue;
    }
    auto &candidate = std::get<Recurrence>(step);
    for (Definition const &member : candidate.members)
      if (member.tensor == probe.tensor) {
        source = &member;
        recurrence = &candidate;
      }
  }
  heed::Tensor output = program.tensors[probe.tensor];
  output.name = probe.name;
  for (char &c : output.name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_')
      c = '_';
  output.name = uniqueName(output.name);
  output.kind = TensorKind::Defined;
  program.tensors.push_back(output);

  Definition copy;
  copy.tensor = TensorId(program.tensors.size() - 1);
  IndexMap renaming;
  Subscripts subscripts;
  for (size_t axis = 0; axis < output.shape.size(); ++axis) {
    bool isStep = recurrence && source->timeAxis == int(axis);
    IndexId old = source->indices[axis];
    IndexId id = isStep ? recurrence->step : newIndex(program.indices[old].name, output.shape[axis]);
    copy.indices.push_back(id);
    subscripts.push_back(build::index(id));
    renaming[old] = subscripts.back();
  }
  Scalar type = scalarOf(output.element);
  ast::Range range = output.range;
  copy.value = build::read(probe.tensor, subscripts, type, range);
  if (source->domain)
    copy.value = build::select(substitute(source->domain, renaming), copy.value, zeroOf(type), range);
  program.outputs.push_back(copy.tensor);
  if (!recurrence) {
    program.steps.push_back(std::move(copy));
    return;
  }
  copy.timeAxis = source->timeAxis;
  recurrence->members.push_back(std::move(copy));
}

} // namespace heed::elaborate
