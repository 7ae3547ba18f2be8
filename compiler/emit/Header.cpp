// Header.cpp - writes the C header of a compiled model.
#include "compiler/emit/Header.h"

#include "compiler/emit/Descriptor.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace heed {
namespace {

struct CType {
  StringRef type, dtype;
};

CType cTypeOf(heed_dtype type) {
  switch (type) {
  case HEED_F32:
    return {"float", "HEED_F32"};
  case HEED_F64:
    return {"double", "HEED_F64"};
  case HEED_F16:
    return {"uint16_t", "HEED_F16"};
  case HEED_BF16:
    return {"uint16_t", "HEED_BF16"};
  case HEED_I32:
    return {"int32_t", "HEED_I32"};
  case HEED_I8:
    return {"int8_t", "HEED_I8"};
  case HEED_BOOL:
    return {"uint8_t", "HEED_BOOL"};
  }
  llvm_unreachable("unknown heed_dtype");
}

/// Gives every name of the model an identifier: no keyword of C or C++, no macro of the included headers, no duplicate.
class Identifiers {
public:
  std::string make(StringRef name) {
    std::string result = symbolName(name);
    while (!used.insert(result).second)
      result += "_";
    return result;
  }

private:
  StringSet<> used = {
      // C99 to C23 and C++98 to C++20, and the names of the function itself.
      "alignas",
      "alignof",
      "and",
      "and_eq",
      "asm",
      "auto",
      "bitand",
      "bitor",
      "bool",
      "break",
      "case",
      "catch",
      "char",
      "char16_t",
      "char32_t",
      "char8_t",
      "class",
      "co_await",
      "co_return",
      "co_yield",
      "compl",
      "concept",
      "const",
      "const_cast",
      "consteval",
      "constexpr",
      "constinit",
      "continue",
      "decltype",
      "default",
      "delete",
      "do",
      "double",
      "dynamic_cast",
      "else",
      "enum",
      "explicit",
      "export",
      "extern",
      "false",
      "float",
      "for",
      "friend",
      "goto",
      "if",
      "inline",
      "int",
      "long",
      "mutable",
      "namespace",
      "new",
      "noexcept",
      "not",
      "not_eq",
      "nullptr",
      "operator",
      "or",
      "or_eq",
      "private",
      "protected",
      "public",
      "register",
      "reinterpret_cast",
      "requires",
      "restrict",
      "return",
      "short",
      "signed",
      "sizeof",
      "static",
      "static_assert",
      "static_cast",
      "struct",
      "switch",
      "template",
      "this",
      "thread_local",
      "throw",
      "true",
      "try",
      "typedef",
      "typeid",
      "typename",
      "typeof",
      "typeof_unqual",
      "union",
      "unsigned",
      "using",
      "virtual",
      "void",
      "volatile",
      "wchar_t",
      "while",
      "xor",
      "xor_eq",
      "linux",
      "unix",
      "NULL",
      "model",
      "inputs",
      "outputs",
      "status"};
};

/// A C string literal. Bytes that are not plain ASCII are octal escapes, which take at most three digits; `\?` stops
/// trigraphs.
std::string literal(StringRef text) {
  std::string result = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\' || c == '?')
      result += {'\\', char(c)};
    else if (c >= 32 && c < 127)
      result += char(c);
    else
      result += {'\\', char('0' + c / 64), char('0' + c / 8 % 8), char('0' + c % 8)};
  }
  return result + "\"";
}

/// Text for a comment: names come from the user and must not end it, nor begin one inside.
std::string forComment(StringRef text) {
  std::string result;
  for (unsigned char c : text) {
    if (!result.empty() && ((c == '/' && result.back() == '*') || (c == '*' && result.back() == '/')))
      result += ' ';
    result += c < 32 ? '.' : char(c);
  }
  return result;
}

class HeaderWriter {
public:
  HeaderWriter(ProgramInfo const &program, StringRef prefix)
      : program(program), symbol((prefix + symbolName(program.name)).str()), macro(StringRef(symbol).upper()),
        descriptor(descriptorName(program, prefix)), out(text) {
    Identifiers identifiers;
    for (TensorInfo const &tensor : program.inputs)
      inputNames.push_back(identifiers.make(tensor.name));
    for (TensorInfo const &tensor : program.outputs)
      outputNames.push_back(identifiers.make(tensor.name));
    for (DimInfo const &dim : program.dims)
      dimNames.push_back(identifiers.make(dim.name));
  }

  std::string write() {
    writeComment();
    out << "#ifndef HEED_MODEL_" << macro << "_H\n#define HEED_MODEL_" << macro << "_H\n\n#include \"heed/heed.h\"\n\n"
        << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\nextern const heed_program " << descriptor << ";\n";
    writeMacros();
    writeRun();
    out << "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
    return std::move(text);
  }

private:
  std::string sizeText(SizeInfo const &size, ArrayRef<std::string> names) const {
    std::string result;
    for (auto [dim, coefficient] : size.terms) {
      bool negative = coefficient < 0;
      result += result.empty() ? (negative ? "-" : "") : (negative ? " - " : " + ");
      uint64_t factor = negative ? 0 - uint64_t(coefficient) : uint64_t(coefficient);
      result += (factor == 1 ? "" : std::to_string(factor) + " * ") + names[dim];
    }
    if (result.empty() || size.constant > 0)
      return result + (result.empty() ? "" : " + ") + std::to_string(size.constant);
    return size.constant < 0 ? result + " - " + std::to_string(0 - uint64_t(size.constant)) : result;
  }
  std::string shapeText(TensorInfo const &tensor) const {
    std::string result = "[";
    for (SizeInfo const &axis : tensor.shape)
      result += (result.size() == 1 ? "" : ", ") + sizeText(axis, dimNames);
    return result + "]";
  }

  void writeTensors(StringRef title, std::vector<TensorInfo> const &tensors, bool params) {
    if (tensors.empty())
      return;
    out << " *\n * " << title << "\n";
    for (TensorInfo const &tensor : tensors) {
      out << " *   " << forComment(tensor.name) << ": " << cTypeOf(tensor.type).type << " "
          << forComment(shapeText(tensor));
      if (!tensor.alphabet.empty())
        out << ", positions in the alphabet";
      if (params && !tensor.from.empty() && tensor.from != tensor.name)
        out << ", from " << forComment(tensor.from);
      out << "\n";
    }
  }
  void writeComment() {
    out << "/* " << symbol << ".h - the model '" << forComment(program.name) << "', compiled by heedc. Do not edit.\n";
    writeTensors("Inputs", program.inputs, false);
    writeTensors("Outputs", program.outputs, false);
    if (!program.dims.empty())
      out << " *\n * Sizes\n";
    for (auto [dim, name] : llvm::zip_equal(program.dims, dimNames)) {
      out << " *   " << name << ": ";
      if (dim.maximum >= 0)
        out << (dim.untilRun ? "set by the run, at most " : std::to_string(dim.minimum) + " to ") << dim.maximum
            << "\n";
      else
        out << (dim.untilRun ? "set by the run\n" : std::to_string(dim.minimum) + " or more\n");
    }
    writeTensors("Parameters", program.params, true);
    out << " */\n";
  }

  void writeMacros() {
    Identifiers macros;
    out << "\n";
    for (DimInfo const &dim : program.dims)
      if (dim.maximum >= 0)
        out << "#define " << macro << "_" << macros.make(StringRef(dim.name).upper() + std::string("_MAX")) << " "
            << dim.maximum << "\n";
    for (auto *list : {&program.inputs, &program.outputs})
      for (TensorInfo const &tensor : *list)
        // C99 compilers need not take longer literals; heed_program holds the alphabet in any case.
        if (!tensor.alphabet.empty() && tensor.alphabet.size() < 4096)
          out << "#define " << macro << "_" << macros.make(StringRef(tensor.name).upper() + std::string("_ALPHABET"))
              << " " << literal(tensor.alphabet) << "\n";
  }

  void writeTensorList(StringRef name, std::vector<TensorInfo> const &tensors, ArrayRef<std::string> names) {
    if (tensors.empty())
      return;
    out << "  heed_tensor " << name << "[" << tensors.size() << "] = {\n";
    for (auto [tensor, identifier] : llvm::zip_equal(tensors, names)) {
      out << "      {(void *)" << identifier << ", " << cTypeOf(tensor.type).dtype << ", " << tensor.shape.size()
          << ", {";
      // An output whose length the run sets must have room for the longest.
      std::vector<std::string> sizes = dimNames;
      for (auto [dim, size] : llvm::zip_equal(program.dims, sizes))
        if (dim.untilRun)
          size = std::to_string(dim.maximum);
      for (size_t axis = 0; axis < tensor.shape.size(); ++axis)
        out << (axis ? ", " : "") << sizeText(tensor.shape[axis], sizes);
      out << (tensor.shape.empty() ? "0}},\n" : "}},\n");
    }
    out << "  };\n";
  }

  /// `*t = (outputs[0].shape[0] - 1) / 2`: a length set by the run is read off an output that has it.
  std::string untilLength(unsigned dim) const {
    for (auto [index, tensor] : llvm::enumerate(program.outputs))
      for (auto [axis, size] : llvm::enumerate(tensor.shape))
        if (size.terms.size() == 1 && size.terms[0].first == dim) {
          std::string value = "outputs[" + std::to_string(index) + "].shape[" + std::to_string(axis) + "]";
          if (size.constant)
            value = "(" + value + " - (" + std::to_string(size.constant) + "))";
          return size.terms[0].second == 1 ? value : value + " / " + std::to_string(size.terms[0].second);
        }
    return "";
  }

  void writeRun() {
    out << "\n/* Runs one example; several at a time: heed_run. Arrays are row-major and contiguous.";
    bool anyUntil = llvm::any_of(program.dims, [](DimInfo const &dim) { return dim.untilRun; });
    if (anyUntil)
      out << " Outputs whose length the run\n * sets need room for the longest; the length is written to its pointer, "
             "which may be NULL.";
    out << " */\nstatic inline heed_status " << symbol << "_run(heed_model *model";
    std::vector<bool> named(program.dims.size());
    auto sizesOf = [&](TensorInfo const &tensor) {
      for (SizeInfo const &size : tensor.shape)
        for (auto [dim, coefficient] : size.terms)
          if (!program.dims[dim].untilRun && !named[dim]) {
            named[dim] = true;
            out << ", int64_t " << dimNames[dim];
          }
    };
    for (auto [tensor, name] : llvm::zip_equal(program.inputs, inputNames)) {
      out << ", const " << cTypeOf(tensor.type).type << " *" << name;
      sizesOf(tensor);
    }
    for (auto [tensor, name] : llvm::zip_equal(program.outputs, outputNames)) {
      out << ", " << cTypeOf(tensor.type).type << " *" << name;
      sizesOf(tensor);
    }
    for (auto [index, dim] : llvm::enumerate(program.dims))
      if (dim.untilRun && !untilLength(index).empty())
        out << ", int64_t *" << dimNames[index];
    out << ") {\n";
    writeTensorList("inputs", program.inputs, inputNames);
    writeTensorList("outputs", program.outputs, outputNames);
    out << "  heed_status status = heed_run(model, 1, " << (program.inputs.empty() ? "NULL" : "inputs") << ", "
        << (program.outputs.empty() ? "NULL" : "outputs") << ");\n";
    for (auto [index, dim] : llvm::enumerate(program.dims))
      if (std::string length = untilLength(index); dim.untilRun && !length.empty())
        out << "  if (status == HEED_OK && " << dimNames[index] << ")\n    *" << dimNames[index] << " = " << length
            << ";\n";
    out << "  return status;\n}\n";
  }

  ProgramInfo const &program;
  std::string symbol, macro, descriptor, text;
  std::vector<std::string> inputNames, outputNames, dimNames;
  raw_string_ostream out;
};

} // namespace

std::string makeHeader(ProgramInfo const &program, StringRef prefix) { return HeaderWriter(program, prefix).write(); }

} // namespace heed
