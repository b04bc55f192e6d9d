#include "compiler/Artifact/UserKey.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/core/FileError.h"
#include "runtime/core/Leftover.h"
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

namespace llmc {
namespace {

// Closes a file when it goes out of scope.
class Descriptor {
public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (number_ >= 0)
      ::close(number_);
  }
  int get() const { return number_; }

private:
  int number_;
};

absl::Status refused(const std::string &path, absl::string_view problem, absl::string_view remedy) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": the key of compiled code ", problem, "; ", remedy));
}

absl::Status unavailable(const std::string &path, absl::string_view action) {
  return absl::UnavailableError(fileError(errno, path, action).message());
}

constexpr absl::string_view kRemove = "remove it, and llmc makes another";

// Why the file is not to be trusted as this user's key.
absl::Status check(const std::string &path, const struct stat &info) {
  if (!S_ISREG(info.st_mode))
    return refused(path, "is not a plain file", kRemove);
  if (info.st_uid != geteuid())
    return refused(path, "belongs to another user", kRemove);
  if (info.st_mode & 077)
    return refused(
        path, absl::StrFormat("may be used by others (its mode is %04o)", info.st_mode & 07777),
        absl::StrCat("if nobody has seen it, chmod 600 it; else ", kRemove));
  if (info.st_size != UserKey::kBytes)
    return refused(path, absl::StrCat("has ", info.st_size, " bytes instead of ", UserKey::kBytes),
                   kRemove);
  return absl::OkStatus();
}

// Whether there is a file; its bytes.
absl::StatusOr<bool> read(const std::string &path, std::span<uint8_t> bytes) {
  // A pipe must not block; a link could name a file whose content others chose.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return false;
    if (errno == ELOOP)
      return refused(path, "is a symbolic link", kRemove);
    return refused(path, absl::StrCat("cannot be read (", std::strerror(errno), ")"), kRemove);
  }
  struct stat info;
  if (fstat(file.get(), &info) != 0)
    return refused(path, absl::StrCat("cannot be read (", std::strerror(errno), ")"), kRemove);
  if (absl::Status status = check(path, info); !status.ok())
    return status;
  if (::read(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return refused(path, "cannot be read whole", kRemove);
  return true;
}

absl::Status make(const std::string &path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return unavailable(folder, "make the folder");
  uint8_t bytes[UserKey::kBytes];
  randombytes_buf(bytes, sizeof(bytes));
  const std::string temporary = absl::StrFormat("%s.%08x.tmp", path, randombytes_random());
  const Leftover leftover(temporary);
  absl::Status status;
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0)
      return unavailable(temporary, "create the file");
    if (::write(file.get(), bytes, sizeof(bytes)) != sizeof(bytes) || fsync(file.get()) != 0)
      status = unavailable(temporary, "write the file");
  }
  sodium_memzero(bytes, sizeof(bytes));
  // Unlike a rename, a link leaves alone what another process put there first.
  if (status.ok() && ::link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST)
    status = unavailable(path, "make the key");
  ::unlink(temporary.c_str());
  return status;
}

} // namespace

absl::StatusOr<UserKey> UserKey::open(const std::string &path) {
  if (path.empty())
    return absl::UnavailableError("there is no place for a key: set HOME or XDG_STATE_HOME");
  if (sodium_init() < 0)
    return absl::UnavailableError("there are no random numbers");
  UserKey key;
  absl::StatusOr<bool> found = read(path, key.bytes_);
  if (found.ok() && !*found) {
    if (absl::Status status = make(path); !status.ok())
      return status;
    found = read(path, key.bytes_);
  }
  if (!found.ok())
    return found.status();
  if (!*found)
    return absl::UnavailableError(absl::StrCat(path, ": vanished as it was made"));
  return key;
}

UserKey::UserKey(UserKey &&other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.bytes_.data(), kBytes);
}

UserKey::~UserKey() { sodium_memzero(bytes_.data(), kBytes); }

std::string userKeyPath() {
  for (auto [variable, folder] :
       {std::pair("XDG_STATE_HOME", "/llmc"), std::pair("HOME", "/.local/state/llmc")})
    if (const char *base = std::getenv(variable); base && *base)
      return absl::StrCat(base, folder, "/object.key");
  return "";
}

} // namespace llmc
