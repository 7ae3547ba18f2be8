// RUN: %cxx -std=c++17 -O1 -Wall -Wextra -Werror %s %heedrt -o %t
// RUN: %t %t.safetensors
// The reader of weights files refuses everything that is not a valid file for the model, for the right reason.
#include "Inputs/Echo.h"
#include "Inputs/WeightsFile.h"

#include <ctime>
#include <fcntl.h>
#include <initializer_list>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static std::string path;
static Echo echo(HEED_I32, 2, 4);
static const std::string oneEntry = entry("one", "F32", "3", "0,12"), twoEntry = entry("two", "I32", "2", "12,20");
static const std::string data =
    std::string("\0\0\x80\x3F\0\0\0\x40\0\0\x40\x40", 12) + std::string("\7\0\0\0\xFF\xFF\xFF\xFF", 8);

static heed_status load(const std::string &file) {
  writeFile(path, file);
  float one[3] = {};
  int32_t two[2] = {};
  heed_status status = echo.load(path.c_str(), one, two);
  if (!status)
    CHECK(one[0] == 1 && one[1] == 2 && one[2] == 3 && two[0] == 7 && two[1] == -1);
  return status;
}
/// A third tensor, which the model does not use but a valid file needs to describe well.
static heed_status loadWith(const std::string &third, const std::string &more = "") {
  return load(weights("{" + oneEntry + "," + twoEntry + "," + third + "}", data + more));
}

#define INVALID(call, text) CHECK_FAILS(call, HEED_E_FILE, text)

static void valid() {
  const std::string body = oneEntry + "," + twoEntry;
  CHECK(load(weights("{" + body + "}", data)) == HEED_OK);
  CHECK(load(weights("{" + twoEntry + "," + oneEntry + "}", data)) == HEED_OK);
  CHECK(load(weights("{" + body + "}     ", data)) == HEED_OK);
  CHECK(load(weights(" {" + body + "}", data)) == HEED_E_FILE);
  CHECK(load(weights("{\"__metadata__\":{\"format\":\"pt\",\"b\":\"\"}," + body + "}", data)) == HEED_OK);
  CHECK(load(weights("{ \"one\" : { \"shape\" : [ 3 ] , \"extra\" : [ { } , null , -1.5e+3 , true , \"\" ] ,\n "
                     "\"data_offsets\":[0,12],"
                     "\"dtype\":\"F32\"}\t,\r\"\\u0074\\u0077o\":{\"dtype\":\"I\\u00332\",\"shape\":[2],\"data_"
                     "offsets\":[12,20]}}",
                     data)) == HEED_OK);
  // Unused tensors of every kind, empty ones and ones without axes among them.
  CHECK(loadWith(entry("e", "F32", "0", "20,20") + "," + entry("f", "F64", "5,0,9223372036854775807", "12,12") + "," +
                     entry("s", "I64", "", "20,28") + "," +
                     entry("\\uD83D\\uDE00\xC3\xA9\\n\\/", "F4", "2,1", "28,29") + "," +
                     entry("g", "F8_E4M3", "1,1,1,1,1,1,1,1,1,1", "29,30"),
                 "0123456789") == HEED_OK);
  // The name of the parameter's path is accepted too.
  CHECK(load(weights("{" + oneEntry + "," + entry("block.0.two", "I32", "2", "12,20") + "}", data)) == HEED_OK);
}

static void header() {
  for (size_t size = 0; size < 8; ++size)
    INVALID(load(std::string(size, '\0')), "fewer than 8 bytes");
  INVALID(load(weights("{}", "", 100'000'001)), "larger than 100 MB");
  INVALID(load(weights("{}", "", UINT64_MAX - 7)), "larger than 100 MB");
  INVALID(load(weights("{}", "", UINT64_MAX >> 1)), "larger than 100 MB");
  INVALID(load(weights("{}", "", 3)), "larger than the file");
  INVALID(load(weights("{}", "", 0)), "is empty");
  INVALID(load(weights("", "")), "is empty");
  INVALID(load(weights("[]")), "does not start with '{'");
  INVALID(load(weights("\xEF\xBB\xBF{}")), "does not start with '{'");
  INVALID(loadWith(entry("\xFF", "F32", "0", "20,20")), "not UTF-8");
  INVALID(loadWith(entry("\xED\xA0\x80", "F32", "0", "20,20")), "not UTF-8");
}

static void json() {
  INVALID(load(weights("{ ")), "expected a string");
  INVALID(load(weights("{}x")), "text after the end");
  INVALID(load(weights(std::string("{}\0x", 4))), "text after the end");
  INVALID(load(weights("{\"a\"}")), "expected ':'");
  INVALID(load(weights("{\"a\":}")), "expected an object");
  INVALID(load(weights("{\"a\":3}")), "expected an object");
  INVALID(load(weights("{\"a\":[]}")), "expected an object");
  INVALID(load(weights("{a:{}}")), "expected a string");
  INVALID(load(weights("{'a':{}}")), "expected a string");
  INVALID(load(weights("{\"a:{}}")), "a string without end");
  INVALID(load(weights("{\"a\n\":{}}")), "a control character");
  INVALID(load(weights("{\"\\x\":{}}")), "an invalid escape");
  INVALID(load(weights("{\"\\u12g4\":{}}")), "an invalid escape");
  INVALID(load(weights("{\"\\uD800\":{}}")), "an invalid escape");
  INVALID(load(weights("{\"\\uD800\\u0041\":{}}")), "an invalid escape");
  INVALID(load(weights("{\"\\uDC00\":{}}")), "an invalid escape");
  INVALID(load(weights("{\"a\\")), "an invalid escape");
  INVALID(load(weights("{\"a\":{},}")), "needs dtype");
  INVALID(load(weights("{" + oneEntry + ",}", data)), "expected a string");
  INVALID(load(weights("{" + oneEntry + " " + twoEntry + "}", data)), "expected ','");
  INVALID(load(weights("{" + oneEntry, data)), "expected ','");
  for (const char *value : {"01", "1.", ".5", "1e", "-", "+1", "tru", "nul", "NaN", "", "\"\\", "[1,]", "[1 2]",
                            "{\"a\":1,}", "{\"a\"}", "// c"})
    CHECK(loadWith("\"t\":{\"x\":" + std::string(value) +
                   ",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[20,20]}") == HEED_E_FILE);
  for (const char *value : {"0", "-0", "1.5", "1E-9", "true", "false", "null", "[]", "{}", "[[]]", "\"\\\"\""})
    CHECK(loadWith("\"t\":{\"x\":" + std::string(value) +
                   ",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[20,20]}") == HEED_OK);
  INVALID(loadWith("\"t\":{\"x\":[[[]]],\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[20,20]}"),
          "nested too deeply");
  INVALID(load(weights("{\"a\":{\"b\":" + std::string(1'000'000, '['))), "nested too deeply");
}

static void entries() {
  INVALID(loadWith(oneEntry), "tensor 'one': overlaps another");
  INVALID(loadWith(entry("e", "F32", "0", "20,20") + "," + entry("e", "F32", "0", "20,20")),
          "tensor 'e': occurs twice");
  INVALID(loadWith(entry("e", "F32", "0", "20,20") + "," + entry("\\u0065", "F32", "0", "20,20")),
          "tensor 'e': occurs twice");
  INVALID(loadWith("\"__metadata__\":{\"a\":1}"), "expected a string");
  INVALID(loadWith("\"__metadata__\":{\"a\":{\"b\":\"c\"}}"), "expected a string");
  INVALID(loadWith("\"__metadata__\":[]"), "expected an object");
  INVALID(loadWith("\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}"), "two keys of __metadata__");
  INVALID(loadWith("\"__metadata__\":{},\"__metadata__\":{}"), "two entries named __metadata__");
  INVALID(loadWith("\"t\":{\"shape\":[0],\"data_offsets\":[20,20]}"), "needs dtype, shape and data_offsets");
  INVALID(loadWith("\"t\":{\"dtype\":\"F32\",\"data_offsets\":[20,20]}"), "needs dtype, shape and data_offsets");
  INVALID(loadWith("\"t\":{\"dtype\":\"F32\",\"shape\":[0]}"), "needs dtype, shape and data_offsets");
  INVALID(loadWith("\"t\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[20,20]}"),
          "a key occurs twice");
  INVALID(loadWith("\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"shape\":[0],\"data_offsets\":[20,20]}"),
          "a key occurs twice");
  INVALID(loadWith("\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[20,20],\"data_offsets\":[20,20]}"),
          "a key occurs twice");
  for (const char *type : {"F33", "f32", "F32 ", "", "F3", "FLOAT", "F32\\u0000"})
    INVALID(loadWith(entry("t", type, "0", "20,20")), "unknown dtype");
  INVALID(loadWith("\"t\":{\"dtype\":32,\"shape\":[0],\"data_offsets\":[20,20]}"), "expected a string");
  for (const char *shape : {"-1", "1.0", "1e30", "true", "\"1\"", "[1]", "null", "01", "1."})
    INVALID(loadWith(entry("t", "F32", shape, "20,20")), "expected a whole number");
  INVALID(loadWith(entry("t", "F32", "18446744073709551616", "20,20")), "a number is too large");
  INVALID(loadWith(entry("t", "F32", "9223372036854775808", "20,20")), "the shape is too large");
  INVALID(loadWith(entry("t", "F32", "4294967296,4294967296", "20,20")), "the shape is too large");
  INVALID(loadWith(entry("t", "F64", "288230376151711744", "20,20")), "the shape is too large");
  INVALID(
      loadWith(
          entry("t", "F32",
                "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
                "20,24"),
          "0000"),
      "more than 64 axes");
}

static void offsets() {
  INVALID(loadWith(entry("t", "F32", "1", "20"), "0000"), "fewer than two data_offsets");
  INVALID(loadWith(entry("t", "F32", "1", ""), "0000"), "fewer than two data_offsets");
  INVALID(loadWith(entry("t", "F32", "1", "20,24,24"), "0000"), "more than two data_offsets");
  INVALID(loadWith(entry("t", "F32", "1", "-4,0"), "0000"), "expected a whole number");
  INVALID(loadWith(entry("t", "F32", "1", "24,20"), "0000"), "end before they begin");
  INVALID(loadWith(entry("t", "F32", "1", "24,28"), "00000000"), "bytes before it belong to no tensor");
  INVALID(loadWith(entry("t", "F32", "1", "18,22"), "00"), "overlaps another tensor");
  INVALID(loadWith(entry("t", "F32", "5", "0,20")), "overlaps another tensor");
  INVALID(loadWith(entry("t", "F32", "1", "20,24"), "000"), "ends behind the end of the file");
  INVALID(loadWith(entry("t", "U8", "9223372036854775787", "20,9223372036854775807")), "the shape is too large");
  INVALID(loadWith(entry("t", "U8", "1000000000000", "20,1000000000020")), "ends behind the end of the file");
  INVALID(loadWith(entry("t", "F32", "1", "18446744073709551612,18446744073709551616")), "a number is too large");
  INVALID(loadWith(entry("t", "F32", "1", "20,24"), "00000"), "bytes at the end belong to no tensor");
  INVALID(load(weights("{}", "1")), "bytes at the end belong to no tensor");
  INVALID(loadWith(entry("t", "F32", "1", "20,23"), "000"), "do not match dtype and shape");
  INVALID(loadWith(entry("t", "F32", "2", "20,24"), "0000"), "do not match dtype and shape");
  INVALID(loadWith(entry("t", "F4", "3", "20,22"), "00"), "do not match dtype and shape");
  INVALID(loadWith(entry("t", "F32", "4611686018427387905", "20,24"), "0000"), "the shape is too large");
}

static void fitsTheModel() {
  CHECK_FAILS(load(weights("{}")), HEED_E_NAME, "no tensor 'one', nor 1 others");
  CHECK_FAILS(load(weights("{" + oneEntry + "}", data.substr(0, 12))), HEED_E_NAME, "no tensor 'two'");
  CHECK_FAILS(load(weights("{" + oneEntry + "," + entry("two", "I32", "2,1", "12,20") + "}", data)), HEED_E_RANK,
              "parameter 'block.0.two' has shape [2, 1], expected [2]");
  CHECK_FAILS(load(weights("{" + entry("one", "F32", "2", "0,8") + "," + entry("two", "I32", "3", "8,20") + "}", data)),
              HEED_E_SHAPE, "parameter 'one' has shape [2], expected [3]");
  CHECK_FAILS(load(weights("{" + oneEntry + "," + entry("two", "F32", "2", "12,20") + "}", data)), HEED_E_DTYPE,
              "is F32, expected i32");
  CHECK_FAILS(load(weights("{" + oneEntry + "," + entry("two", "I64", "1", "12,20") + "}", data)), HEED_E_DTYPE,
              "is I64, expected i32");
  CHECK_FAILS(load(weights("{" + oneEntry + "," + entry("two", "U32", "2", "12,20") + "}", data)), HEED_E_DTYPE,
              "cannot be bound, expected i32");
  // A model keeps its values when a file is refused.
  heed_model *model = nullptr;
  float one[3] = {};
  int32_t two[2] = {};
  heed_tensor outputs[2] = {tensor1(one, HEED_F32, 3), tensor1(two, HEED_I32, 2)};
  CHECK(heed_create(&echo.program, nullptr, &model) == HEED_OK);
  writeFile(path, weights("{" + oneEntry + "," + twoEntry + "}", data));
  CHECK(heed_bind_file(model, path.c_str()) == HEED_OK);
  writeFile(path, weights("{" + oneEntry + "}", std::string(12, '\0')));
  CHECK(heed_bind_file(model, path.c_str()) == HEED_E_NAME);
  CHECK(heed_run(model, 1, nullptr, outputs) == HEED_OK && one[2] == 3 && two[1] == -1);
  CHECK_FAILS(heed_bind_file(model, nullptr), HEED_E_NULL, "path is null");
  CHECK_FAILS(heed_bind_file(nullptr, path.c_str()), HEED_E_NULL, "model is null");
  heed_destroy(model);
}

static void files() {
  float one[3];
  int32_t two[2];
  INVALID(echo.load((path + ".none").c_str(), one, two), "No such file");
  INVALID(echo.load("/", one, two), "is not a file");
  INVALID(echo.load("/dev/zero", one, two), "is not a file");
  std::string pipe = path + ".pipe";
  unlink(pipe.c_str());
  CHECK(mkfifo(pipe.c_str(), 0600) == 0);
  INVALID(echo.load(pipe.c_str(), one, two), "is not a file"); // and does not wait for a writer
  unlink(pipe.c_str());
  // Control characters of a name do not reach a terminal.
  INVALID(loadWith(entry("\\u001b[31m", "F32", "1", "24,28"), "00000000"), "tensor '?[31m'");
}

/// A million tensors cost time and memory like the header they stand in.
static void million() {
  std::string header = "{" + oneEntry + "," + twoEntry;
  for (int i = 0; i < 1'000'000; ++i)
    header += "," + entry("layer." + std::to_string(i * 7919ll % 1'000'003), "F32", "0", "20,20");
  writeFile(path, weights(header + "}", data));
  size_t headerSize = header.size();
  std::string().swap(header);
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  long before = usage.ru_maxrss;
  // The header string above has raised the mark already: what counts is the growth beyond it.
  clock_t start = clock();
  float one[3];
  int32_t two[2];
  CHECK(echo.load(path.c_str(), one, two) == HEED_OK);
  double seconds = static_cast<double>(clock() - start) / CLOCKS_PER_SEC;
  getrusage(RUSAGE_SELF, &usage);
  CHECK(seconds < 2);
  CHECK(static_cast<size_t>(usage.ru_maxrss - before) * 1024 < 2 * headerSize);
  unlink(path.c_str());
}

/// Any prefix of a valid file, and any one changed byte: no crash, and never more than the model's values.
static void everyByte() {
  const std::string file = weights("{\"__metadata__\":{\"a\":\"\\n\"}," + oneEntry + "," + twoEntry + "}", data);
  float one[3];
  int32_t two[2];
  for (size_t size = 0; size < file.size(); ++size) {
    writeFile(path, file.substr(0, size));
    CHECK(echo.load(path.c_str(), one, two) == HEED_E_FILE);
  }
  int accepted = 0;
  for (size_t at = 0; at < file.size() - data.size(); ++at)
    for (char byte : {'\0', '"', '0', '9', '}', ']', ',', '\\', '\x80', '\xFF'}) {
      std::string changed = file;
      if (changed[at] == byte)
        continue;
      changed[at] = byte;
      writeFile(path, changed);
      accepted += echo.load(path.c_str(), one, two) == HEED_OK;
    }
  CHECK(accepted < 20);
}

int main(int, char **arguments) {
  path = arguments[1];
  valid();
  header();
  json();
  entries();
  offsets();
  fitsTheModel();
  files();
  everyByte();
  million();
  return finish();
}
