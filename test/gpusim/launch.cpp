// launch.cpp - runs one kernel of a PTX file: heed-gpusim-launch FILE KERNEL [--grid=X,Y,Z] [--block=X,Y,Z]
// [--shared=BYTES] ARGUMENT...
//
// An argument is a number, `i32:7`, `i64:7`, `f32:0.5` or `f64:0.5`; memory for results, `out:TYPE:COUNT`, printed
// afterwards; or memory with values, `in:TYPE:V,V,...`, or `io:` in the same form, printed as well. `A..B` stands for
// the values from A to B, `V*N` for N times V. `map:N:SIZES:BOX:SWIZZLE` is the tensor map of argument N, its innermost
// axis first, rows without gaps. A type is i32, u32, i64, u8, u16, f32, f64, f16, bf16, or x32 for hexadecimal output.
// The driver is the library that the environment variable HEED_CUDA_DRIVER names, else the simulator beside this
// program, so that a kernel can run on a device.
#include "test/gpusim/DriverTypes.h"
#include "test/gpusim/Number.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace gpusim;

namespace {

[[noreturn]] void stop(std::string const &message) {
  std::fprintf(stderr, "heed-gpusim-launch: %s\n", message.c_str());
  std::exit(1);
}

class Library {
public:
  explicit Library(std::string const &path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle)
      stop(dlerror());
  }
  /// Calls a function of the driver; any failure ends the program.
  template <class... Arguments>
  void call(char const *name, Arguments... arguments) {
    auto *function = reinterpret_cast<int (*)(Arguments...)>(dlsym(handle, name));
    if (!function)
      stop(std::string("no function ") + name);
    if (int result = function(arguments...)) {
      char const *text = nullptr;
      if (auto *nameOf = reinterpret_cast<int (*)(int, char const **)>(dlsym(handle, "cuGetErrorName")))
        nameOf(result, &text);
      stop(std::string(name) + " failed: " + (text ? text : std::to_string(result)));
    }
  }

private:
  void *handle;
};

std::vector<std::string> split(std::string const &text, char at) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, at);)
    parts.push_back(part);
  return parts;
}

unsigned widthOf(std::string const &type) {
  if (type == "u8")
    return 1;
  if (type == "u16" || type == "f16" || type == "bf16")
    return 2;
  return type == "i64" || type == "f64" ? 8 : 4;
}

void append(std::vector<std::byte> &bytes, std::string const &type, std::string const &text) {
  std::uint64_t bits = 0;
  if (type == "f32")
    bits = asBits(std::strtof(text.c_str(), nullptr));
  else if (type == "f64")
    bits = asBits(std::strtod(text.c_str(), nullptr));
  else if (type == "f16")
    bits = halfOfFloat(std::strtof(text.c_str(), nullptr));
  else if (type == "bf16")
    bits = bfloatOfFloat(std::strtof(text.c_str(), nullptr));
  else
    bits = text[0] == '-' ? std::uint64_t(std::strtoll(text.c_str(), nullptr, 0))
                          : std::strtoull(text.c_str(), nullptr, 0);
  auto const *raw = reinterpret_cast<std::byte const *>(&bits);
  bytes.insert(bytes.end(), raw, raw + widthOf(type));
}

void print(std::byte const *at, std::string const &type) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, widthOf(type));
  if (type == "f32")
    std::printf(" %.9g", double(asFloat(std::uint32_t(bits))));
  else if (type == "f64")
    std::printf(" %.17g", asDouble(bits));
  else if (type == "f16")
    std::printf(" %.6g", double(floatOfHalf(std::uint16_t(bits))));
  else if (type == "bf16")
    std::printf(" %.6g", double(floatOfBfloat(std::uint16_t(bits))));
  else if (type == "x32")
    std::printf(" %08x", unsigned(bits));
  else if (type == "i32")
    std::printf(" %d", int(bits));
  else
    std::printf(" %lld", static_cast<long long>(bits));
}

struct Argument {
  std::vector<std::byte> value; ///< what the kernel gets
  std::string type;
  std::vector<std::byte> contents;
  DevicePointer address = 0;
  bool printed = false;
};

/// `map:N:SIZES:BOX:SWIZZLE`, with a swizzle of 0, 32, 64 or 128 bytes.
Argument parseMap(Library &driver, std::vector<std::string> const &parts, std::vector<Argument> const &before) {
  Argument const &of = before.at(std::strtoul(parts[1].c_str(), nullptr, 10));
  std::vector<std::uint64_t> sizes, strides;
  std::vector<std::uint32_t> box, ones;
  for (std::string const &size : split(parts[2], ',')) {
    sizes.push_back(std::strtoull(size.c_str(), nullptr, 10));
    ones.push_back(1);
    strides.push_back((strides.empty() ? widthOf(of.type) : strides.back()) * sizes.back());
  }
  for (std::string const &size : split(parts[3], ','))
    box.push_back(std::uint32_t(std::strtoul(size.c_str(), nullptr, 10)));
  unsigned bytes = unsigned(std::strtoul(parts[4].c_str(), nullptr, 10));
  int swizzle = bytes == 128 ? 3 : bytes == 64 ? 2 : bytes == 32 ? 1 : 0;
  int type = of.type == "f16" ? 6 : of.type == "bf16" ? 9 : of.type == "u16" ? 1 : of.type == "f32" ? 7 : 4;
  TensorMapBytes map;
  driver.call("cuTensorMapEncodeTiled", &map, type, std::uint32_t(sizes.size()), reinterpret_cast<void *>(of.address),
              static_cast<std::uint64_t const *>(sizes.data()), static_cast<std::uint64_t const *>(strides.data()),
              static_cast<std::uint32_t const *>(box.data()), static_cast<std::uint32_t const *>(ones.data()), 0,
              swizzle, 0, 0);
  Argument argument;
  argument.value.resize(sizeof map);
  std::memcpy(argument.value.data(), &map, sizeof map);
  return argument;
}

Argument parse(Library &driver, std::string const &text, std::vector<Argument> const &before) {
  Argument argument;
  auto parts = split(text, ':');
  if (parts.size() == 5 && parts[0] == "map")
    return parseMap(driver, parts, before);
  if (parts.size() == 2) {
    append(argument.value, parts[0], parts[1]);
    return argument;
  }
  if (parts.size() != 3)
    stop("what is '" + text + "'?");
  argument.type = parts[1];
  argument.printed = parts[0] != "in";
  std::size_t size = 0;
  if (parts[0] == "out") {
    size = std::strtoul(parts[2].c_str(), nullptr, 10) * widthOf(argument.type);
    argument.contents.resize(size);
  } else {
    for (std::string const &value : split(parts[2], ',')) {
      std::size_t dots = value.find(".."), star = value.find('*');
      if (dots == std::string::npos) {
        unsigned long times = star == std::string::npos ? 1 : std::strtoul(value.c_str() + star + 1, nullptr, 10);
        for (unsigned long time = 0; time < times; ++time)
          append(argument.contents, argument.type, value.substr(0, star));
        continue;
      }
      for (long at = std::strtol(value.c_str(), nullptr, 0), last = std::strtol(value.c_str() + dots + 2, nullptr, 0);
           at <= last; ++at)
        append(argument.contents, argument.type, std::to_string(at));
    }
    size = argument.contents.size();
  }
  driver.call("cuMemAlloc_v2", &argument.address, size);
  if (parts[0] != "out")
    driver.call("cuMemcpyHtoD_v2", argument.address, static_cast<void const *>(argument.contents.data()), size);
  argument.value.resize(8);
  std::memcpy(argument.value.data(), &argument.address, 8);
  return argument;
}

void parseThree(char const *text, unsigned (&numbers)[3]) {
  auto parts = split(text, ',');
  for (std::size_t at = 0; at < parts.size() && at < 3; ++at)
    numbers[at] = unsigned(std::strtoul(parts[at].c_str(), nullptr, 10));
}

std::string simulatorBeside() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../lib/libheed-gpusim.so";
}

} // namespace

int main(int count, char **words) {
  if (count < 3)
    stop("expected a file and the name of a kernel");
  char const *named = std::getenv("HEED_CUDA_DRIVER");
  Library driver(named ? named : simulatorBeside());
  driver.call("cuInit", 0u);
  int device = 0;
  void *context = nullptr, *module = nullptr, *function = nullptr;
  driver.call("cuDeviceGet", &device, 0);
  driver.call("cuDevicePrimaryCtxRetain", &context, device);
  driver.call("cuCtxSetCurrent", context);
  std::ifstream file(words[1]);
  if (!file)
    stop(std::string("cannot read ") + words[1]);
  std::string ptx((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  driver.call("cuModuleLoadDataEx", &module, static_cast<void const *>(ptx.c_str()), 0u, static_cast<int *>(nullptr),
              static_cast<void **>(nullptr));
  driver.call("cuModuleGetFunction", &function, module, static_cast<char const *>(words[2]));
  unsigned grid[3] = {1, 1, 1}, block[3] = {32, 1, 1}, shared = 0;
  std::vector<Argument> arguments;
  for (int at = 3; at < count; ++at) {
    if (std::strncmp(words[at], "--grid=", 7) == 0)
      parseThree(words[at] + 7, grid);
    else if (std::strncmp(words[at], "--block=", 8) == 0)
      parseThree(words[at] + 8, block);
    else if (std::strncmp(words[at], "--shared=", 9) == 0)
      shared = unsigned(std::strtoul(words[at] + 9, nullptr, 10));
    else
      arguments.push_back(parse(driver, words[at], arguments));
  }
  std::vector<void *> pointers;
  for (Argument &argument : arguments)
    pointers.push_back(argument.value.data());
  if (shared > 48 * 1024)
    driver.call("cuFuncSetAttribute", function, int(FunctionMaxDynamicShared), int(shared));
  driver.call("cuLaunchKernel", function, grid[0], grid[1], grid[2], block[0], block[1], block[2], shared,
              static_cast<void *>(nullptr), pointers.data(), static_cast<void **>(nullptr));
  driver.call("cuCtxSynchronize");
  for (Argument &argument : arguments) {
    if (!argument.printed)
      continue;
    driver.call("cuMemcpyDtoH_v2", static_cast<void *>(argument.contents.data()), argument.address,
                argument.contents.size());
    std::printf("%s:", argument.type.c_str());
    for (std::size_t offset = 0; offset < argument.contents.size(); offset += widthOf(argument.type))
      print(&argument.contents[offset], argument.type);
    std::printf("\n");
  }
}
