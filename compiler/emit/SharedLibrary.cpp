// SharedLibrary.cpp - runs the system's linker on temporary files; no shell is involved.
#include "compiler/emit/Library.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <deque>

using namespace llvm;

namespace heed {
namespace {

/// Temporary files, removed with the object.
class Scratch {
public:
  ~Scratch() {
    for (std::string const &path : paths)
      sys::fs::remove(path);
  }
  Expected<StringRef> add(StringRef suffix, StringRef contents) {
    int descriptor;
    SmallString<128> path;
    if (std::error_code error = sys::fs::createTemporaryFile("heedc", suffix, descriptor, path))
      return createStringError("cannot make a temporary file: " + error.message());
    paths.push_back(path.str().str());
    raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream << contents;
    stream.flush();
    if (stream.has_error()) {
      std::string text = stream.error().message();
      stream.clear_error();
      return createStringError("cannot write '" + path + "': " + text);
    }
    return StringRef(paths.back());
  }

private:
  std::deque<std::string> paths;
};

Expected<std::string> findLinker(StringRef wish) {
  SmallVector<StringRef> names = {"cc", "gcc", "clang"};
  if (!wish.empty())
    names = {wish};
  for (StringRef name : names)
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  if (!wish.empty())
    return createStringError("cannot find the linker '" + wish + "'");
  return createStringError("a shared library needs a C compiler to link it, and none of cc, gcc, clang is installed");
}

} // namespace

Error makeSharedLibrary(ArrayRef<std::string> objects, ArrayRef<std::string> exports, Installation const &installation,
                        StringRef linker, StringRef soname, StringRef output) {
  Expected<std::string> program = findLinker(linker);
  if (!program)
    return program.takeError();
  if (!sys::fs::exists(installation.runtimeArchive))
    return createStringError("cannot find the runtime '" + installation.runtimeArchive + "'");

  Scratch scratch;
  std::string script = "{ global: heed_*;";
  for (std::string const &symbol : exports)
    script += " " + symbol + ";";
  script += " local: *; };\n";
  Expected<StringRef> version = scratch.add("map", script);
  if (!version)
    return version.takeError();
  Expected<StringRef> messages = scratch.add("txt", "");
  if (!messages)
    return messages.takeError();

  // The runtime goes in whole: its functions are the library's interface, whether the model calls them or not.
  std::vector<std::string> arguments = {*program,
                                        "-shared",
                                        "-o",
                                        output.str(),
                                        ("-Wl,-soname," + soname).str(),
                                        "-Wl,--version-script=" + version->str(),
                                        "-Wl,-z,relro,-z,now,-z,noexecstack",
                                        "-Wl,--no-undefined,-Bsymbolic,--build-id=none,--as-needed"};
  for (std::string const &object : objects) {
    Expected<StringRef> path = scratch.add("o", object);
    if (!path)
      return path.takeError();
    arguments.push_back(path->str());
  }
  for (char const *argument :
       {"-Wl,--whole-archive", installation.runtimeArchive.c_str(), "-Wl,--no-whole-archive", "-lm", "-lpthread"})
    arguments.push_back(argument);

  SmallVector<StringRef> views(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {StringRef(""), *messages, *messages};
  std::string problem;
  int code =
      sys::ExecuteAndWait(*program, views, std::nullopt, redirects, /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  if (code == 0)
    return Error::success();
  ErrorOr<std::unique_ptr<MemoryBuffer>> text = MemoryBuffer::getFile(*messages);
  return createStringError("linking failed: " + (problem.empty() ? "" : problem + "\n") +
                           (text ? (*text)->getBuffer().rtrim() : ""));
}

} // namespace heed
