// Npy.cpp - arrays in NumPy's .npy files, format versions 1 to 3.
#include "compiler/tools/heed-run/Npy.h"

#include "compiler/tools/heed-run/Arguments.h"
#include "compiler/tools/heed-run/Elements.h"

#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace heed::run {

namespace {

constexpr char magic[] = "\x93NUMPY";

/// The header is a Python dictionary with three known keys; nothing else of Python is accepted.
class HeaderReader {
public:
  HeaderReader(std::string_view text, std::string const &path) : text(text), path(path) {}

  std::string type;
  bool fortran = false;
  std::vector<int64_t> shape;

  void read() {
    int seen = 0;
    expect('{');
    while (!accept('}')) {
      std::string key = string();
      expect(':');
      int bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
      if (bit == 0 || (seen & bit))
        bad("unexpected key '" + key + "'");
      seen |= bit;
      if (bit == 1)
        type = string();
      else if (bit == 2)
        fortran = boolean();
      else
        readShape();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip();
    if (seen != 7 || at != text.size())
      bad("incomplete header");
  }

  [[noreturn]] void bad(std::string const &what) const {
    throw Failure(fmt::format("{}: not a valid .npy file: {}", path, what));
  }

private:
  void skip() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t'))
      ++at;
  }
  bool accept(char c) {
    skip();
    if (at == text.size() || text[at] != c)
      return false;
    ++at;
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      bad(fmt::format("expected '{}' in the header", c));
  }
  std::string string() {
    skip();
    char quote = at < text.size() ? text[at] : '\0';
    size_t end = quote == '\'' || quote == '"' ? text.find(quote, at + 1) : std::string_view::npos;
    if (end == std::string_view::npos)
      bad("expected a string in the header");
    std::string result(text.substr(at + 1, end - at - 1));
    at = end + 1;
    return result;
  }
  bool boolean() {
    skip();
    for (bool value : {true, false}) {
      std::string_view word = value ? "True" : "False";
      if (text.substr(at, word.size()) == word) {
        at += word.size();
        return value;
      }
    }
    bad("expected True or False in the header");
  }
  void readShape() {
    expect('(');
    while (!accept(')')) {
      skip();
      int64_t value = 0;
      size_t first = at;
      for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[at] - '0', &value))
          bad("a size is too large");
      if (at == first || shape.size() == 32)
        bad("expected a shape in the header");
      shape.push_back(value);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }

  std::string_view text;
  std::string const &path;
  size_t at = 0;
};

} // namespace

Array readNpy(std::string const &path, bool &integral) {
  std::ifstream stream(path, std::ios::binary);
  std::string file{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad())
    throw Failure("cannot read '" + path + "'");
  HeaderReader header({}, path);
  if (file.size() < 10 || file.compare(0, 6, magic) != 0)
    header.bad("it does not start with \\x93NUMPY");
  auto byte = [&](size_t i) { return size_t(uint8_t(file[i])); };
  unsigned major = unsigned(byte(6));
  if (major < 1 || major > 3)
    header.bad(fmt::format("format version {}, expected 1 to 3", major));
  size_t start = major == 1 ? 10 : 12;
  if (file.size() < start)
    header.bad("the header is cut");
  size_t length = byte(8) | byte(9) << 8;
  if (major > 1)
    length |= byte(10) << 16 | byte(11) << 24;
  if (length > file.size() - start)
    header.bad("the header is cut");
  HeaderReader reader(std::string_view(file).substr(start, length), path);
  reader.read();
  if (reader.fortran && reader.shape.size() > 1)
    reader.bad("Fortran order, expected C order (numpy.ascontiguousarray)");
  if (reader.type.size() == 3 && reader.type[0] == '>')
    reader.bad("big-endian elements");
  FileElement const *element = reader.type.size() == 3 ? findFileElement(reader.type.substr(1)) : nullptr;
  if (!element || (reader.type[0] != '<' && reader.type[0] != '|' && reader.type[0] != '='))
    reader.bad("elements of type '" + reader.type + "'");
  int64_t count = 1;
  for (int64_t size : reader.shape)
    if (__builtin_mul_overflow(count, size, &count))
      reader.bad("the shape is too large");
  size_t available = file.size() - start - length;
  if (available % element->size != 0 || uint64_t(count) != available / element->size)
    reader.bad(fmt::format("{} bytes of data, expected {} elements of {} bytes", available, count, element->size));
  integral = element->integral;
  Array result{reader.shape, std::vector<double>(size_t(count))};
  for (int64_t i = 0; i < count; ++i)
    result.data[size_t(i)] = element->load(file.data() + start + length + size_t(i) * element->size);
  return result;
}

void writeNpy(std::string const &path, Array const &array, heed_dtype dtype) {
  static char const *const types[] = {"<f4", "<f8", "<f2", "<f4", "<i4", "|i1", "|b1"};
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': (", types[dtype]);
  for (int64_t size : array.shape)
    header += fmt::format("{},{}", size, array.shape.size() > 1 ? " " : "");
  header += "), }";
  // Data starts at a multiple of 64.
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string file =
      std::string(magic, 6) + '\1' + '\0' + char(header.size() & 0xFF) + char(header.size() >> 8) + header;
  file += toBytes(array.data, dtype == HEED_BF16 ? HEED_F32 : dtype);
  std::ofstream stream(path, std::ios::binary);
  if (!stream.write(file.data(), std::streamsize(file.size())) || !stream.flush())
    throw Failure("cannot write '" + path + "'");
}

} // namespace heed::run
