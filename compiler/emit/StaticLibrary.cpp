// StaticLibrary.cpp - finds the runtime, and puts a model's object and the runtime's into one archive.
#include "compiler/emit/Library.h"

#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace heed {

static std::string firstExisting(std::initializer_list<std::string> paths) {
  for (std::string const &path : paths)
    if (sys::fs::exists(path))
      return path;
  return *(paths.end() - 1);
}

Installation findInstallation(StringRef compilerPath) {
  StringRef prefix = sys::path::parent_path(sys::path::parent_path(compilerPath));
  auto beside = [&](StringRef relative) {
    SmallString<256> path(prefix);
    sys::path::append(path, relative);
    return path.str().str();
  };
  Installation result;
  result.runtimeArchive = firstExisting({beside("lib/libheedrt.a"), HEED_RUNTIME_ARCHIVE});
  std::string header = firstExisting({beside("include/heed/heed.h"), HEED_RUNTIME_INCLUDE "/heed/heed.h"});
  result.includeDirectory = sys::path::parent_path(sys::path::parent_path(header)).str();
  return result;
}

Expected<std::string> makeStaticLibrary(StringRef object, StringRef name, Installation const &installation) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(installation.runtimeArchive);
  if (!buffer)
    return createStringError("cannot read the runtime '" + installation.runtimeArchive +
                             "': " + buffer.getError().message());
  Expected<std::unique_ptr<object::Archive>> runtime = object::Archive::create(**buffer);
  if (!runtime)
    return runtime.takeError();

  std::vector<NewArchiveMember> members;
  members.emplace_back(MemoryBufferRef(object, name));
  Error problem = Error::success();
  for (object::Archive::Child const &child : (*runtime)->children(problem)) {
    Expected<NewArchiveMember> member = NewArchiveMember::getOldMember(child, /*Deterministic=*/true);
    if (!member)
      return joinErrors(std::move(problem), member.takeError());
    members.push_back(std::move(*member));
  }
  if (problem)
    return problem;
  Expected<std::unique_ptr<MemoryBuffer>> result = writeArchiveToBuffer(
      members, SymtabWritingMode::NormalSymtab, object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!result)
    return result.takeError();
  return (*result)->getBuffer().str();
}

} // namespace heed
