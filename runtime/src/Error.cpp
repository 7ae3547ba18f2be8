// Error.cpp - the error text of the calling thread, names of errors and types, shapes as text.
#include "Error.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace heed::runtime {

namespace {
thread_local char lastError[1024];

/// Ends a text that was cut with "..." after a whole UTF-8 character.
void markCut(char *text, size_t capacity) {
  size_t end = capacity - 4;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  std::memcpy(text + end, "...", 4);
}

/// Names come from files: a control character must not reach a terminal.
void hideControls(char *text) {
  for (; *text; ++text)
    if (static_cast<unsigned char>(*text) < 0x20 || *text == 0x7F)
      *text = '?';
}
} // namespace

heed_status fail(heed_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = std::vsnprintf(lastError, sizeof lastError, format, arguments);
  va_end(arguments);
  if (length >= static_cast<int>(sizeof lastError))
    markCut(lastError, sizeof lastError);
  hideControls(lastError);
  return status;
}

void prefixWithExample(int64_t example) {
  char copy[sizeof lastError];
  std::memcpy(copy, lastError, sizeof copy);
  fail(HEED_OK, "example %lld: %s", static_cast<long long>(example), copy);
}

Text &Text::append(const char *format, ...) {
  if (length + 1 >= sizeof characters)
    return *this;
  va_list arguments;
  va_start(arguments, format);
  int added = std::vsnprintf(characters + length, sizeof characters - length, format, arguments);
  va_end(arguments);
  length += added < 0 ? 0 : static_cast<size_t>(added);
  if (length >= sizeof characters) {
    length = sizeof characters - 1;
    markCut(characters, sizeof characters);
  }
  return *this;
}

const char *typeName(int32_t dtype) {
  switch (dtype) {
  case HEED_F32:
    return "f32";
  case HEED_F64:
    return "f64";
  case HEED_F16:
    return "f16";
  case HEED_BF16:
    return "bf16";
  case HEED_I32:
    return "i32";
  case HEED_I8:
    return "i8";
  case HEED_BOOL:
    return "bool";
  }
  return "an unknown type";
}

Text shapeText(const int64_t *shape, int32_t rank) {
  Text text;
  text.append("[");
  for (int32_t axis = 0; axis < rank; ++axis)
    text.append("%s%lld", axis ? ", " : "", static_cast<long long>(shape[axis]));
  text.append("]");
  return text;
}

Text sizeText(const heed_program &program, const heed_size &size) {
  Text text;
  for (int64_t i = 0; i < size.term_count; ++i) {
    long long coefficient = size.terms[i].coefficient;
    const char *name = program.dims[size.terms[i].dim].name;
    const char *sign = coefficient < 0 ? (i ? " - " : "-") : (i ? " + " : "");
    unsigned long long magnitude = coefficient < 0 ? 0ull - coefficient : coefficient;
    if (magnitude == 1)
      text.append("%s%s", sign, name);
    else
      text.append("%s%llu*%s", sign, magnitude, name);
  }
  long long constant = size.constant;
  if (size.term_count == 0)
    text.append("%lld", constant);
  else if (constant)
    text.append(" %c %llu", constant < 0 ? '-' : '+', constant < 0 ? 0ull - constant : 0ull + constant);
  return text;
}

Text declaredShapeText(const heed_program &program, const heed_tensor_info &info) {
  Text text;
  text.append("[");
  for (int32_t axis = 0; axis < info.rank; ++axis)
    text.append("%s%s", axis ? ", " : "", sizeText(program, info.shape[axis]).get());
  text.append("]");
  return text;
}

} // namespace heed::runtime

HEED_EXPORT const char *heed_last_error(void) { return heed::runtime::lastError; }

HEED_EXPORT const char *heed_version(void) { return HEED_VERSION; }

HEED_EXPORT const char *heed_status_name(heed_status status) {
  static const char *const names[] = {"HEED_OK",       "HEED_E_NULL",    "HEED_E_ABI",      "HEED_E_CPU",
                                      "HEED_E_DTYPE",  "HEED_E_RANK",    "HEED_E_SHAPE",    "HEED_E_OVERLAP",
                                      "HEED_E_MEMORY", "HEED_E_UNBOUND", "HEED_E_NAME",     "HEED_E_FILE",
                                      "HEED_E_INDEX",  "HEED_E_TEXT",    "HEED_E_ARGUMENT", "HEED_E_ALIGNMENT",
                                      "HEED_E_DEVICE"};
  int index = -static_cast<int>(status);
  return index >= 0 && index < static_cast<int>(sizeof names / sizeof *names) ? names[index] : "an unknown status";
}
